"""Turns scores into probabilities that can be believed, and says below which the router had better abstain.

Temperature scaling: Guo et al., 2017, "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEEP = 0.96  # share of the adapters' own unseen questions that the threshold is to keep
TURNED_AWAY = 0.97  # share of nobody's questions that are nearly all
LARGEST = 32.0  # factor: with every example told right, it would grow without end
DOUBT = (
    0.03  # share of questions whose likeliest adapter is a matter of luck, as one would guess before having examples
)
_SURE_OF_DOUBT = 2.0  # the precision of that guess, on the scale of log-odds
_ROUNDS = 4

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]


def softmax(logits: Matrix) -> Matrix:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Sureness:
    """How scores become probabilities: (1 - doubt) softmax(temperature x scores) + doubt / classes.

    The second part is for questions that are worded like another adapter's: without it a few of them force the temperature
    down for all others, which then are surer than was said in the middle and less sure at the top.
    """

    temperature: float
    doubt: float

    def probabilities(self, scores: Matrix) -> Matrix:
        """For scores of shape (n, classes)."""
        sure = softmax(self.temperature * scores)
        return np.asarray((1 - self.doubt) * sure + self.doubt / scores.shape[-1], dtype=np.float64)


def fit_sureness(scores: Matrix, labels: Labels, weights: NDArray[np.float64]) -> Sureness:
    """What makes `scores`, shape (n, classes), likeliest; the doubt is held near DOUBT where examples are few (the maximum of
    a posterior: the log-odds are normal around DOUBT's). Each of the two is searched in turn with the other held."""
    rows, doubt = np.arange(len(labels)), DOUBT
    weights = weights * (len(labels) / weights.sum())
    usual = math.log(DOUBT / (1 - DOUBT))
    for _ in range(_ROUNDS):
        temperature = fit_temperature(scores, labels, weights, doubt)
        found = softmax(temperature * scores)[rows, labels]

        def loss(odds: float, found: Matrix = found) -> float:
            share = 1 / (1 + math.exp(-odds))
            likelihood = np.log(np.maximum((1 - share) * found + share / scores.shape[-1], 1e-12))
            return float(_SURE_OF_DOUBT * (odds - usual) ** 2 - (weights * likelihood).sum())

        doubt = 1 / (1 + math.exp(-_lowest(loss, -9.0, 0.0)))
    return Sureness(temperature, doubt)


def fit_temperature(logits: Matrix, labels: Labels, weights: NDArray[np.float64], doubt: float = 0.0) -> float:
    """The factor from 1/8 to LARGEST that gives `logits`, shape (n, classes), the smallest weighted negative log-likelihood,
    with this much doubt (see Sureness)."""
    rows, least = np.arange(len(labels)), max(doubt / logits.shape[-1], 1e-12)

    def loss(power: float) -> float:
        probabilities = (1 - doubt) * softmax(logits * 2.0**power)[rows, labels] + least
        return float(-(weights * np.log(probabilities)).sum())

    return float(2.0 ** _lowest(loss, -3.0, math.log2(LARGEST)))


def _lowest(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest, to 0.001: golden-section search (Kiefer, 1953)."""
    golden = (math.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-3:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return (low + high) / 2


def choose_threshold(own: NDArray[np.float64], others: NDArray[np.float64], silent: float) -> float:
    """The scope that a question must reach for the router not to abstain.

    `own` are the scopes of questions that belong to some adapter, `others` of questions that are nobody's, none of them
    seen. As high as still keeps KEEP of `own`, for that turns away the most of all others; `silent`, the scope of a text
    without any evidence, where there are no `own`. Where that is far above nearly all `others`, halfway to them: real
    questions are worded more freely than examples, and where nobody's questions are far away that costs nothing.
    """
    wanted = float(np.quantile(own, 1 - KEEP)) if len(own) else silent
    if len(others):
        wanted = min(wanted, (wanted + float(np.quantile(others, TURNED_AWAY))) / 2)
    return wanted


def fit_slope(over: NDArray[np.float64], somebody: NDArray[np.bool_]) -> float:
    """The slope from 1/8 to LARGEST of the logistic function that tells best, from how far a scope is over the threshold,
    whether the question is `somebody`'s; both kinds weigh the same. 1 where one kind is missing."""
    if somebody.all() or not somebody.any():
        return 1.0
    logits = np.stack([over, np.zeros(len(over))], axis=1)
    weights = np.where(somebody, 1 / somebody.sum(), 1 / (~somebody).sum())
    return fit_temperature(logits, np.where(somebody, 0, 1), weights)
