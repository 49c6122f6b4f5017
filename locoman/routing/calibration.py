"""Turns scores into probabilities that can be believed, and says below which the router had better abstain.

Temperature scaling: Guo et al., 2017, "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

KEEP = 0.96  # share of the adapters' own unseen questions that the threshold is to keep
TURNED_AWAY = 0.97  # share of nobody's questions that are nearly all
FAINT = 0.25  # of scope, whose spread over the adapters' own questions is 1 to 2
LARGEST = 32.0  # factor: with every example told right, it would grow without end

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]


def softmax(logits: Matrix) -> Matrix:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float64)


def fit_temperature(logits: Matrix, labels: Labels, weights: NDArray[np.float64]) -> float:
    """The factor from 1/8 to LARGEST that gives `logits`, shape (n, classes), the smallest weighted negative log-likelihood.

    The likelihood has one optimum in the factor, so a golden-section search over its logarithm finds it.
    """
    rows = np.arange(len(labels))

    def loss(power: float) -> float:
        probabilities = softmax(logits * 2.0**power)[rows, labels]
        return float(-(weights * np.log(np.maximum(probabilities, 1e-12))).sum())

    low, high, golden = -3.0, math.log2(LARGEST), (math.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(2.0 ** ((low + high) / 2))


def choose_threshold(own: NDArray[np.float64], others: NDArray[np.float64], silent: float) -> float:
    """The scope that a question must reach for the router not to abstain.

    `own` are the scopes of questions that belong to some adapter, `others` of questions that are nobody's, none of them
    seen; `silent` is that of a text without any evidence. As high as still keeps KEEP of `own`, for that turns away the
    most of all others. Where that is far above nearly all `others`, halfway to them: real questions are worded more freely
    than examples, and where nobody's questions are far away that costs nothing. Always above `silent`, by
    FAINT, for a trace of evidence is none.
    """
    wanted = float(np.quantile(own, 1 - KEEP)) if len(own) else silent
    if len(others):
        wanted = min(wanted, (wanted + float(np.quantile(others, TURNED_AWAY))) / 2)
    return max(wanted, silent + FAINT)


def fit_slope(over: NDArray[np.float64], somebody: NDArray[np.bool_]) -> float:
    """The slope from 1/8 to LARGEST of the logistic function that tells best, from how far a scope is over the threshold,
    whether the question is `somebody`'s; both kinds weigh the same. 1 where one kind is missing."""
    if somebody.all() or not somebody.any():
        return 1.0
    logits = np.stack([over, np.zeros(len(over))], axis=1)
    weights = np.where(somebody, 1 / somebody.sum(), 1 / (~somebody).sum())
    return fit_temperature(logits, np.where(somebody, 0, 1), weights)
