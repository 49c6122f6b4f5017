"""From probabilities to a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from locoman.contracts import Candidate, Decision, Refused
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
        return max(self.minimum.get(adapter, 0.0), self._worth)

    def refusal(self, adapter: str, probability: float) -> Refused | None:
        """Why this adapter is not taken with this probability; None where it is."""
        demanded = self.of(adapter)
        if probability >= demanded:
            return None
        return Refused(
            adapter, probability, demanded, "wrong_cost" if demanded == self._worth else "minimum_confidence"
        )

    @property
    def _worth(self) -> float:
        return self.wrong_cost / (1 + self.wrong_cost)


def verdict(judgement: Judgement, names: Sequence[str], demands: Demands, stage: str) -> Decision:
    """The likeliest adapter of the first text judged, if the text is in scope and it is likely enough; else the base."""
    shares = judgement.shares[0].tolist()
    best = int(judgement.among[0].argmax())
    candidates = tuple(Candidate(name, share) for name, share in zip([*names, None], shares, strict=True))
    somebodys = bool(judgement.somebody[0] >= 0.5)
    refused = demands.refusal(names[best], shares[best]) if somebodys else None
    if somebodys and refused is None:
        return Decision(names[best], shares[best], stage, candidates)
    return Decision(None, shares[-1], stage, candidates, refused=refused)
