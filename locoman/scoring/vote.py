"""Self-consistency: a case is asked several times, and what most answers say is scored (Wang et al. 2022).

Whoever runs the cases asks `samples` times, each time with another seed and a temperature above 0, and hands all answers to
`score_samples`. What an answer says is the inner scorer's `reading` of it: "so it is 42." and "42" are one voice for numeric.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, runtime_checkable

import msgspec

from locoman.contracts import Score, Scorer, Target
from locoman.errors import InvalidOption


@runtime_checkable
class Reader(Protocol):
    """A scorer that can tell what an answer says, so that two answers can be found to say the same."""

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        ...

    def reading(self, answer: str, target: Target) -> str | None:
        """What the answer says, in a form in which the same is the same text; None when it says nothing."""
        ...


class VoteOptions(msgspec.Struct, frozen=True):
    """How many answers, and the scorer that reads and scores them, with its own options."""

    samples: Annotated[int, msgspec.Meta(ge=2, le=100)] = 5
    scorer: str = "exact"
    options: dict[str, Any] = {}


class Vote:
    """Scores the answer of the majority. Of a tie, whichever was said first wins."""

    def __init__(self, inner: Scorer, options: VoteOptions = VoteOptions()) -> None:  # noqa: B008  (frozen)
        if not isinstance(inner, Reader):
            raise InvalidOption(
                "vote", "scorer", f"answers cannot be counted by {options.scorer}; exact, numeric, ... can"
            )
        self.samples = options.samples
        self._inner = inner

    def score(self, answer: str, target: Target) -> Score:
        """The score of a single answer: an election with one voter."""
        return self.score_samples((answer,), target)

    def score_samples(self, answers: Sequence[str], target: Target) -> Score:
        """The score of what most of `answers` say; metrics: agreement (the share that says it), mean (of all single scores).

        Answers that say nothing do not vote, but count in both shares. Raises ScorerFailed; ValueError for no answers.
        """
        if not answers:
            raise ValueError("an election without voters")
        readings = [self._inner.reading(answer, target) for answer in answers]
        scores = [self._inner.score(answer, target).value for answer in answers]
        mean = sum(scores) / len(scores)
        votes = Counter(reading for reading in readings if reading is not None)
        if not votes:
            return Score(0.0, (("agreement", 0.0), ("mean", mean)), "no answer said anything that can be counted")
        winner, count = votes.most_common(1)[0]  # of equal counts the one that came first
        metrics = (("agreement", count / len(answers)), ("mean", mean))
        return Score(scores[readings.index(winner)], metrics, f"{count} of {len(answers)} said {winner[:80]}")
