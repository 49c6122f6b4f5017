"""Turns scores into probabilities that can be believed, and says below which the router had better abstain.

Temperature scaling: Guo et al., 2017, "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

KEEP = 0.95  # share of an adapter's own unseen questions that the threshold is to keep
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.2, 0.5

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]


def softmax(logits: Matrix) -> Matrix:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float64)


def fit_temperature(logits: Matrix, labels: Labels, weights: NDArray[np.float64]) -> float:
    """The factor from 1/8 to 8 that gives `logits`, shape (n, classes), the smallest weighted negative log-likelihood.

    The likelihood has one optimum in the factor, so a golden-section search over its logarithm finds it.
    """
    rows = np.arange(len(labels))

    def loss(power: float) -> float:
        probabilities = softmax(logits * 2.0**power)[rows, labels]
        return float(-(weights * np.log(np.maximum(probabilities, 1e-12))).sum())

    low, high, golden = -3.0, 3.0, (math.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(2.0 ** ((low + high) / 2))


def choose_threshold(own: NDArray[np.float64], silent: float) -> float:
    """The probability that the best adapter must reach for the router not to abstain.

    `own` are, for out-of-fold questions that belong to some adapter, the probabilities of their best adapter; `silent`
    is that of a text without any evidence. The rule: as high as still keeps KEEP of `own`, for that turns away the most
    of all others; but no higher than HIGHEST_THRESHOLD, because held-out questions are worded more like the training
    ones than a stranger's will be; no lower than LOWEST_THRESHOLD, because a wrong adapter is worse than none; and always
    above `silent`, so that a text without evidence is never an adapter's.
    """
    wanted = min(float(np.quantile(own, 1 - KEEP)), HIGHEST_THRESHOLD) if len(own) else HIGHEST_THRESHOLD
    return min(1.0, max(wanted, LOWEST_THRESHOLD, float(np.nextafter(silent, 1.0))))
