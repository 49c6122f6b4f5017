"""Adapters that claim the same questions, told with examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from locoman.routing.calibration import Labels
from locoman.routing.learner import Learned
from locoman.routing.models import Conflict

LEAST = 2  # examples, and
SHARE = 0.1  # of an adapter's own, that must look like another's before it is worth a word
SHOWN = 3
_SURE = 0.5


def find_conflicts(
    names: Sequence[str], texts: Sequence[str], labels: Labels, learned: Learned
) -> tuple[Conflict, ...]:
    """Whose examples, had they not been seen, would have gone to whom; the largest share first."""
    shares = learned.judgement.shares
    likeliest = shares.argmax(axis=1)
    sure = shares[np.arange(len(shares)), likeliest] >= _SURE
    found = []
    for adapter, name in enumerate(names):
        own = labels == adapter
        for other in range(len(names) + 1):
            lost = np.flatnonzero(own & learned.held & sure & (likeliest == other))
            if other == adapter or len(lost) < max(LEAST, SHARE * own.sum()):
                continue
            surest = lost[np.argsort(-shares[lost, other])][:SHOWN]
            whose = names[other] if other < len(names) else None
            examples = tuple(texts[i] for i in surest.tolist())
            found.append((len(lost) / own.sum(), Conflict(name, whose, len(lost), examples)))
    return tuple(conflict for _, conflict in sorted(found, key=lambda pair: -pair[0]))
