"""From probabilities to a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from locoman.contracts import Candidate, Decision
from locoman.routing.scorer import Judgement


@dataclass(frozen=True, slots=True)
class Demands:
    """When an adapter is not taken although it is the likeliest: below `minimum`, the probability that it asks for itself.

    `wrong_cost`: how many times worse a wrong adapter is than the base where an adapter would have been right. An adapter
    with the probability p then is worth its risk from p = cost / (1 + cost) on (expected cost); 0: not asked.
    """

    minimum: Mapping[str, float]
    wrong_cost: float = 0.0

    def of(self, adapter: str) -> float:
        """The probability from which on this adapter is taken."""
        return max(self.minimum.get(adapter, 0.0), self.wrong_cost / (1 + self.wrong_cost))


def verdict(judgement: Judgement, names: Sequence[str], demands: Demands, stage: str) -> Decision:
    """The likeliest adapter of the first text judged, if the text is in scope and it is likely enough; else the base."""
    shares = judgement.shares[0].tolist()
    best = int(judgement.among[0].argmax())
    taken = judgement.somebody[0] >= 0.5 and shares[best] >= demands.of(names[best])
    candidates = tuple(Candidate(name, share) for name, share in zip([*names, None], shares, strict=True))
    return (
        Decision(names[best], shares[best], stage, candidates)
        if taken
        else Decision(None, shares[-1], stage, candidates)
    )
