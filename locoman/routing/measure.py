"""How good a router is: the figures of `router test` and `router bench`."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from locoman.routing.calibration import Labels, Matrix

BINS = 15
COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """Questions with what a router made of them, n of each: whose they are (`labels`, -1 = nobody's), whom it thought likeliest
    (`guesses`), how probable that was among the adapters (`confidence`), how much in scope (`scope`), and `kept`: whether it
    was above the threshold."""

    labels: Labels
    guesses: Labels
    confidence: Matrix
    scope: Matrix
    kept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Quality:
    """`accuracy`: the share of somebody's questions whose likeliest adapter is right, abstention aside. `auroc`: the
    probability that a question of somebody has a higher scope than one of nobody. `oos_recall_at_95`: the share of nobody's
    questions turned away where 95 % of the others are kept. `ece`: the expected calibration error of the confidence on
    somebody's questions, in BINS bins. `kept_at_threshold`: the share of somebody's questions not turned away. None where
    there are no questions to tell it by."""

    accuracy: float | None
    auroc: float | None
    oos_recall_at_95: float | None
    ece: float | None
    kept_at_threshold: float | None

    def figures(self) -> dict[str, float | None]:
        """All of them by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def quality(judged: Judged) -> Quality:
    """The figures of these questions."""
    somebody = judged.labels >= 0
    right = (judged.guesses == judged.labels)[somebody]
    own, others = judged.scope[somebody], judged.scope[~somebody]
    both = len(own) > 0 and len(others) > 0
    return Quality(
        accuracy=float(right.mean()) if len(own) else None,
        auroc=auroc(own, others) if both else None,
        oos_recall_at_95=float((others < np.quantile(own, 1 - COVERAGE)).mean()) if both else None,
        ece=calibration_error(judged.confidence[somebody], right) if len(own) else None,
        kept_at_threshold=float(judged.kept[somebody].mean()) if len(own) else None,
    )


def auroc(own: Matrix, others: Matrix) -> float:
    """The probability that one of `own` is larger than one of `others`; a tie counts half (Mann-Whitney)."""
    ranked = np.sort(others)
    below, up_to = np.searchsorted(ranked, own, "left"), np.searchsorted(ranked, own, "right")
    return float((below + up_to).mean() / 2 / len(others))


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence is from `low` to `high`: how many, how sure on average, how many right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


def reliability(confidence: Matrix, right: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width; empty ones are left out."""
    places = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    found = []
    for place in np.unique(places).tolist():
        chosen = places == place
        share, sure = float(right[chosen].mean()), float(confidence[chosen].mean())
        found.append(Bin(place / bins, (place + 1) / bins, int(chosen.sum()), sure, share))
    return tuple(found)


def calibration_error(confidence: Matrix, right: NDArray[np.bool_]) -> float:
    """The expected calibration error (Naeini et al., 2015): the mean gap of the bins, weighted by their size."""
    return sum(b.count * abs(b.confidence - b.right) for b in reliability(confidence, right)) / max(len(right), 1)
