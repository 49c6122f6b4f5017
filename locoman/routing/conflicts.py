"""Adapters that claim the same questions, told with examples.

An example looks like another adapter's where one of the other's is nearly the same, or is near and the router, had it not seen
the example, would rather send it there. How near counts, not who would win alone: an honest adapter of few examples loses many
of them to whoever has more, and is like nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from locoman.routing.calibration import Labels, Matrix
from locoman.routing.features import Floats
from locoman.routing.learner import Learned
from locoman.routing.models import Conflict

LEAST = 2  # examples, and
SHARE = 0.1  # of an adapter's, that must look like another's before it is worth a word
ALIKE = 0.1  # two adapters of which each claims the other's to shares that differ by no more claim the same
SHOWN = 3
GREEDY = 0.25  # the share of another adapter's questions from which on claiming them is serious,
IN_ALL = 0.5  # the sum of such shares over all others,
EVERYDAY = 0.5  # and the share of its own that are everyday ones,
FEW = 5  # of more than which that can be said


@dataclass(frozen=True, slots=True)
class Nearness:
    """From which similarity on two texts are nearly the `same`, or `near` each other."""

    same: float
    near: float


BY_WORDS = Nearness(same=0.5, near=0.35)
BY_MEANING = Nearness(same=0.85, near=0.79)


def find_conflicts(
    names: Sequence[str],
    texts: Sequence[str],
    labels: Labels,
    learned: Learned,
    similarities: Floats,
    nearness: Nearness,
) -> tuple[Conflict, ...]:
    """Who claims whose questions, the largest share first; `similarities`: of all texts with each other.

    Of two adapters the one is named that claims those of more others, else the one that claims the larger share of the other's:
    who copies others adds them to its own.
    """
    alike = _alike(labels, learned, similarities, nearness)
    counts = np.bincount(labels, minlength=len(names) + 1)
    claimed = np.stack([alike[labels == owner].sum(axis=0) for owner in range(len(names) + 1)])  # of whose, by whom
    shares = claimed / np.maximum(counts, 1)[:, None]
    breadth = ((shares >= SHARE) & (np.arange(len(shares)) < len(names))[:, None]).sum(
        axis=0
    )  # of how many others it claims
    conflicts = []
    for one in range(len(names)):
        pairs = [(one, len(names), False)]  # whose, by whom: the everyday ones
        for other in range(one + 1, len(names)):
            pair = max((one, other), (other, one), key=lambda pair: (breadth[pair[1]], shares[pair]))
            alike_much = abs(shares[other, one] - shares[one, other]) <= ALIKE
            pairs.append((*pair, bool(alike_much and breadth[one] == breadth[other])))
        for whose, claimer, mutual in pairs:
            count = int(claimed[whose, claimer])
            if count >= max(LEAST, SHARE * counts[whose]):
                rows = np.flatnonzero((labels == whose) & alike[:, claimer])[:SHOWN]
                examples = tuple(texts[row] for row in rows.tolist())
                adapter, of = (names[claimer], names[whose]) if claimer < len(names) else (names[whose], None)
                conflicts.append(Conflict(adapter, of, count, int(counts[whose]), mutual, examples))
    return tuple(sorted(conflicts, key=lambda conflict: -conflict.share))


def serious(conflicts: Sequence[Conflict]) -> tuple[Conflict, ...]:
    """Those that take questions from others, by mistake or on purpose."""
    in_all: dict[str, float] = {}
    for conflict in conflicts:
        if conflict.other is not None:
            in_all[conflict.adapter] = in_all.get(conflict.adapter, 0.0) + conflict.share
    return tuple(
        conflict
        for conflict in conflicts
        if (conflict.share >= EVERYDAY and conflict.count > FEW)
        or (conflict.other is not None and (conflict.share >= GREEDY or in_all[conflict.adapter] >= IN_ALL))
    )


def _alike(labels: Labels, learned: Learned, similarities: Floats, nearness: Nearness) -> Matrix:
    """Whether each text looks like those of each owner, shape (texts, owners)."""
    starts = learned.scorer.owners.starts[:-1]
    nearest = np.maximum.reduceat(similarities, starts, axis=1)
    shares = learned.judgement.shares
    own = shares[np.arange(len(shares)), labels]
    lost = learned.held[:, None] & (shares >= own[:, None])
    found = (nearest >= nearness.same) | (lost & (nearest >= nearness.near))
    found[np.arange(len(labels)), labels] = False
    return np.asarray(found)
