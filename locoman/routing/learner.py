"""Learns a Scorer from examples: the regression, then everything that makes its scores probabilities, all of it from scores
that have not seen their own text."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from locoman.routing.calibration import (
    DOUBT,
    Labels,
    Matrix,
    Sureness,
    choose_threshold,
    fit_slope,
    fit_sureness,
)
from locoman.routing.features import Floats
from locoman.routing.kernels import Noise
from locoman.routing.ridge import ridge
from locoman.routing.scorer import Judgement, Owners, Scale, Scorer, evidence, signs

LARGE = 500  # from so many examples on float32 does, in half the time: what it loses is far below the noise
LEAST_SPREAD = 0.05  # of a sign: a few examples that are equally unlike each other do not tell how it varies
_BLOCK = 256  # texts that are looked at together, so that memory grows with the kernel alone
USUAL = Sureness(8.0, DOUBT)  # where there are too few examples to measure it


@dataclass(frozen=True, slots=True)
class Learned:
    """A scorer and how it judges its own examples as if it had not seen them; `held` says for which that means something."""

    scorer: Scorer
    judgement: Judgement
    held: NDArray[np.bool_]


def learn(kernel: Floats, similarities: Floats, labels: Labels, groups: Labels, noise: Noise) -> Learned:
    """Both matrices have the shape (texts, texts); `labels` ascend from 0, the last is nobody, each has a text.

    Texts of one group are left out together: texts that differ in their numbers only must not vouch for each other. Each
    label weighs the same, however many texts it has.
    """
    classes = int(labels[-1]) + 1
    owners = Owners.of(labels, classes)
    exact = np.float64 if len(labels) < LARGE else np.float32
    solved = ridge(kernel.astype(exact), _targets(labels, classes).astype(exact), _noise(owners, noise), groups)
    nearest = np.concatenate([_nearest(owners, similarities, groups, start) for start in range(0, len(labels), _BLOCK)])
    left_out = solved.left_out.astype(np.float64)
    held = _held(labels, groups)
    mine = held & (labels < classes - 1)
    sureness = USUAL
    if mine.any() and classes > 2:
        balance = 1.0 / np.bincount(labels)[labels[mine]]
        sureness = fit_sureness(evidence(left_out, nearest)[mine], labels[mine], balance)
    weights = solved.weights.astype(np.float32)
    scale = _scale(signs(left_out, nearest)[mine if mine.any() else labels < classes - 1])
    scorer = Scorer(owners, weights, sureness, scale, math.inf, 1.0)  # no threshold yet: nothing is held below it
    scope = scorer.judge_scores(left_out, nearest).scope
    silent = float(scorer.judge_scores(np.zeros((1, classes)), np.zeros((1, classes))).scope[0])
    threshold = choose_threshold(scope[mine], scope[held & (labels == classes - 1)], silent)
    slope = fit_slope(scope[held] - threshold, labels[held] < classes - 1)
    final = replace(scorer, threshold=threshold, slope=slope)
    return Learned(final, final.judge_scores(left_out, nearest), held)


def _nearest(owners: Owners, similarities: Floats, groups: Labels, start: int) -> Matrix:
    """Of a block of texts, among those of other groups."""
    rows = slice(start, start + _BLOCK)
    others = np.where(groups[rows, None] == groups[None, :], np.float32(-1), similarities[rows])
    return owners.nearest(others)


def _targets(labels: Labels, classes: int) -> Matrix:
    """1 for the own adapter, 0 for the others, from which their mean is taken; a text that is nobody's is below them all."""
    targets = np.eye(classes)[labels]
    targets[:, :-1] -= 1 / classes
    return targets


def _noise(owners: Owners, noise: Noise) -> Matrix:
    """More for the texts of a label that has more than usual, so that mass alone moves nothing: of an adapter with the square,
    with which two that have the same questions share them evenly, although the one with more has nearer ones."""
    counts = np.diff(owners.starts)
    ratio = np.maximum(1.0, counts / owners.usual) ** 2
    ratio[-1] = max(1.0, counts[-1] / np.median(counts))
    each = np.where(np.arange(len(counts)) < len(counts) - 1, noise.own, noise.nobodys) * ratio
    return np.asarray(each[owners.labels], dtype=np.float64)


def _held(labels: Labels, groups: Labels) -> NDArray[np.bool_]:
    """The texts whose label has texts of other groups too."""
    single = [label for label in range(int(labels[-1]) + 1) if len(set(groups[labels == label].tolist())) < 2]
    return ~np.isin(labels, single)


def _scale(values: Matrix) -> Scale:
    return Scale(values.mean(axis=0), np.maximum(values.std(axis=0), LEAST_SPREAD))
