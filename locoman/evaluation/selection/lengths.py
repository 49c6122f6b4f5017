"""How much context is needed: by how long the texts at hand are, not by what a model's makers advertise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from locoman.evaluation.selection.evidence import Lengths, Spread


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values (at least one) that is not exceeded by `share` of them (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def lengths(source: str, tokens: Sequence[int]) -> Lengths:
    """The distribution of at least one number of tokens."""
    return Lengths(
        source, len(tokens), int(quantile(tokens, 0.5)), int(quantile(tokens, 0.95)), int(quantile(tokens, 1.0))
    )


def needed(found: Iterable[Lengths]) -> int:
    """The context that holds 95 % of the texts of every source; 0 with none."""
    return max((each.p95 for each in found), default=0)


def spread(values: Sequence[float]) -> Spread:
    """Median and 95 % quantile; zeros of nothing."""
    if not values:
        return Spread(0.0, 0.0, 0)
    return Spread(quantile(values, 0.5), quantile(values, 0.95), len(values))


def slope(values: Sequence[float]) -> float:
    """The least-squares slope per item; 0.0 with fewer than two."""
    count = len(values)
    if count < 2:
        return 0.0
    middle, mean = (count - 1) / 2, sum(values) / count
    above = sum((place - middle) * (value - mean) for place, value in enumerate(values))
    return above / sum((place - middle) ** 2 for place in range(count))


def steps_to_share(points: Sequence[tuple[int, float]], share: float) -> int | None:
    """The first step at which `share` of the fall from the first loss to the lowest is reached; None if it never fell.

    `points` are (step, loss), by step.
    """
    if len(points) < 2:
        return None
    first, lowest = points[0][1], min(loss for _, loss in points)
    if not lowest < first:
        return None
    bound = first - share * (first - lowest)
    return next(step for step, loss in points if loss <= bound)
