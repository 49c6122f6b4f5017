"""From a text's similarity to every example to probabilities: who should answer, and whether anybody should.

Every stage that compares texts with examples has a Scorer of its own; only how similarity is measured differs. All that
stands here is numpy on arrays of the size of the examples.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locoman.routing.calibration import Matrix, Sureness
from locoman.routing.features import Floats

MANY = 60  # examples; beside an adapter with fewer nobody has too many
NEIGHBOURS = 0.3  # what the nearest examples weigh in the choice of an adapter
SIGNS = np.array([1.0, 1.0, 0.3, 0.2])  # what the four signs of being in scope weigh
FAINT = (
    0.85  # what the two signs that speak for an adapter must amount to, in their spreads: less is a trace of evidence
)


@dataclass(frozen=True)
class Owners:
    """Whose the examples are. They lie adapter by adapter, those of nobody at the end: class c at starts[c] to starts[c + 1].

    Each class has an example; `starts` has the shape (adapters + 2,).
    """

    starts: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.int64], classes: int) -> Owners:
        """For ascending labels from 0 to classes - 1."""
        return cls(np.searchsorted(labels, np.arange(classes + 1)))

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each example."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @property
    def usual(self) -> int:
        """How many examples an adapter has: the lower median, but no fewer than MANY."""
        counts = np.sort(np.diff(self.starts)[:-1])
        return int(counts[: (len(counts) + 1) // 2].max(initial=MANY))

    def nearest(self, similarities: Floats) -> Matrix:
        """The mean of the two largest similarities within each class (of the one, where there is but one).

        Of an adapter with n times the usual number of examples it is the mean of the 2 n largest: who has many has near ones by
        chance.

        `similarities`: shape (texts, examples); the result: (texts, adapters + 1).
        """
        begins = self.starts[:-1]
        first = np.maximum.reduceat(similarities, begins, axis=1)
        largest = similarities >= np.repeat(first, self.starts[1:] - begins, axis=1)
        below = np.where(largest, -np.inf, similarities)
        ties = np.add.reduceat(largest, begins, axis=1)
        second = np.maximum.reduceat(below, begins, axis=1)
        second = np.where((ties > 1) | ~np.isfinite(second), first, second)
        found = np.asarray((first + second) / 2, dtype=np.float64)
        for column, most in self._large:
            begin, end = self.starts[column : column + 2]
            found[:, column] = np.partition(similarities[:, begin:end], -most, axis=1)[:, -most:].mean(axis=1)
        return found

    @functools.cached_property
    def _large(self) -> list[tuple[int, int]]:
        """The adapters with far more examples than usual, and how many of their nearest ones count."""
        most = np.rint(2 * np.diff(self.starts)[:-1] / self.usual).astype(int)
        return [(column, count) for column, count in enumerate(most.tolist()) if count > 2]


@dataclass(frozen=True, slots=True)
class Scale:
    """The mean and spread of each sign over the adapters' own examples, both shape (4,)."""

    mean: Matrix
    spread: Matrix


@dataclass(frozen=True, slots=True)
class Scorer:
    """What was learned for one way of comparing texts.

    `weights`: shape (examples, adapters + 1). `sureness` makes probabilities among the adapters of evidence; that it is any
    adapter's question at all has the probability 1 / (1 + exp(-slope (scope - threshold))): one half at the threshold.
    """

    owners: Owners
    weights: Floats
    sureness: Sureness
    scale: Scale
    threshold: float
    slope: float

    def judge(self, kernel: Floats, similarities: Floats) -> Judgement:
        """For texts with these kernel values and similarities to all examples, both shape (texts, examples)."""
        return self.judge_scores(np.asarray(kernel @ self.weights, dtype=np.float64), self.owners.nearest(similarities))

    def judge_scores(self, scores: Matrix, nearest: Matrix) -> Judgement:
        """For texts with these scores and nearest examples, both shape (texts, adapters + 1)."""
        among = self.sureness.probabilities(evidence(scores, nearest))
        scope = self._scope(signs(scores, nearest))
        return Judgement(among, scope, _logistic(self.slope * (scope - self.threshold)))

    def _scope(self, signs: Matrix) -> Matrix:
        """Below the threshold where no more than a trace of evidence speaks for anybody: that nothing speaks for nobody either
        is no reason to think of an adapter."""
        signs = signs / self.scale.spread
        scope = (signs - self.scale.mean / self.scale.spread) @ SIGNS
        over = signs[:, 0] + signs[:, 1] - FAINT
        return np.asarray(np.where(over < 0, np.minimum(scope, self.threshold + over), scope), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`among`: shape (texts, adapters), whose it is if it is anybody's; `scope`: shape (texts,), higher where it is anybody's;
    `somebody`: the probability of that."""

    among: Matrix
    scope: Matrix
    somebody: Matrix

    @property
    def shares(self) -> Matrix:
        """Shape (texts, adapters + 1): the probability of each adapter and, last, of nobody."""
        return np.concatenate([self.among * self.somebody[:, None], 1 - self.somebody[:, None]], axis=1)


def evidence(scores: Matrix, nearest: Matrix) -> Matrix:
    """For each adapter, shape (texts, adapters)."""
    return scores[:, :-1] + NEIGHBOURS * nearest[:, :-1]


def signs(scores: Matrix, nearest: Matrix) -> Matrix:
    """What speaks for a question being anybody's, shape (texts, 4): the best score, how near the examples of the likeliest
    adapter are, and how far the texts that are nobody's."""
    rows, likeliest = np.arange(len(scores)), evidence(scores, nearest).argmax(axis=1)
    found = np.empty((len(scores), len(SIGNS)))
    found[:, 0] = scores[:, :-1].max(axis=1)
    found[:, 1] = nearest[rows, likeliest]
    found[:, 2] = -scores[:, -1]
    found[:, 3] = -nearest[:, -1]
    return found


def _logistic(x: Matrix) -> Matrix:
    return np.asarray(1 / (1 + np.exp(np.minimum(-x, 500))), dtype=np.float64)
