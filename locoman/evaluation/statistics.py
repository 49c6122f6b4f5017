"""Intervals for scores, and whether two models that answered the same cases differ. numpy only, imported where it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
RESAMPLES = 10_000
_BLOCK = 1 << 22
"""Draws made at a time: 32 MB."""
_FEW = 16


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(right: float, cases: int) -> tuple[float, float]:
    """The 95 % score interval for a share `right` / `cases` (Wilson, 1927); (0, 1) with no cases."""
    if cases <= 0:
        return 0.0, 1.0
    share = right / cases
    spread = Z95 * math.sqrt(share * (1 - share) / cases + Z95**2 / (4 * cases**2))
    middle = share + Z95**2 / (2 * cases)
    scale = 1 + Z95**2 / cases
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def mean_interval(scores: Sequence[float], seed: int = 0) -> Interval:
    """The mean of scores from 0 to 1: Wilson's interval where every one is 0 or 1, else by bootstrap; (0, 0, 1) of none."""
    if not scores:
        return Interval(0.0, 0.0, 1.0)
    if all(score in (0.0, 1.0) for score in scores):
        low, high = wilson(sum(scores), len(scores))
        return Interval(sum(scores) / len(scores), low, high)
    return bootstrap(scores, seed)


def bootstrap(scores: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean with its percentile bootstrap interval (Efron 1979): the same seed, the same interval. At least one score."""
    import numpy as np

    values = np.asarray(scores, dtype=np.float64)
    if np.ptp(values) == 0.0:
        return Interval(float(values[0]), float(values[0]), float(values[0]))
    rng = np.random.default_rng(seed)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _FEW:  # as scores of right and wrong are: how often each is drawn says it all
        sums = rng.multinomial(len(values), counts / len(values), resamples) @ distinct
        low, high = np.percentile(sums / len(values), (2.5, 97.5))
        return Interval(float(values.mean()), float(low), float(high))
    rows = max(1, _BLOCK // len(values))
    means = []
    for start in range(0, resamples, rows):
        drawn = rng.integers(0, len(values), size=(min(rows, resamples - start), len(values)))
        means.append(values[drawn].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return Interval(float(values.mean()), float(low), float(high))


def paired_bootstrap(a: Sequence[float], b: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean of a - b, case by case, with its bootstrap interval. Raises ValueError for different or no cases."""
    if len(a) != len(b) or not a:
        raise ValueError(f"{len(a)} scores cannot be paired with {len(b)}")
    return bootstrap([one - other for one, other in zip(a, b, strict=True)], seed, resamples)


def mcnemar(a: Sequence[float], b: Sequence[float]) -> float:
    """How probable it is that a and b are equally good and differ as much as this: exact and two-sided (McNemar 1947).

    A case counts where one of the two is right (a score of at least 0.5) and the other is not; 1.0 if there is none.
    Raises ValueError for different numbers of cases.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} scores cannot be paired with {len(b)}")
    pairs = [(one >= 0.5, other >= 0.5) for one, other in zip(a, b, strict=True)]
    only_a, only_b = pairs.count((True, False)), pairs.count((False, True))
    return binomial_p(min(only_a, only_b), only_a + only_b)


def binomial_p(few: int, count: int) -> float:
    """Two-sided probability of at most `few` heads in `count` throws of a fair coin, or as many tails; `few` <= count / 2."""
    if count == 0 or 2 * few == count:
        return 1.0
    tail = sum(math.comb(count, k) for k in range(few + 1))
    return min(1.0, 2.0 * (tail / (1 << count)))
