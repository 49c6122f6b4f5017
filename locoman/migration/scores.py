"""Scores as the behavioural level takes them: plain numbers by case, whoever measured them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from locoman.errors import UsageError

Asked = Literal["adapter on old", "adapter on new", "new alone", "old alone"]
"""Who answered the adapter's own cases: the adapter on either base, or either base alone."""

Scores = Mapping[Asked, Sequence[float]]
"""Scores from 0 to 1, in the order of the cases, for those who were asked."""

Measure = Callable[[Sequence[Asked]], Scores]
"""Asks the adapter's own cases of those named, and gives back at least their scores; {} when there are no cases."""


def paired(scores: Scores, asked: Sequence[Asked]) -> int:
    """The number of cases; 0 when there are none. Raises UsageError when some are missing or answered other cases."""
    lengths = {who: len(scores[who]) for who in asked if who in scores}
    if not any(lengths.values()):
        return 0
    missing = [who for who in asked if who not in lengths]
    if missing or len(set(lengths.values())) > 1:
        told = ", ".join(f"{who}: {lengths.get(who, 0)}" for who in asked)
        raise UsageError(f"Scores are compared case by case, and these are not of the same cases ({told}).")
    return next(iter(lengths.values()))
