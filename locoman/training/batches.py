"""Token sequences with the part to be learnt marked, and batches of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

IGNORED = -100
"""The label of a token that is read but not learnt (torch's cross-entropy passes over it)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sequence: `ids` are token ids, `labels` the same with IGNORED where nothing is learnt; equal lengths."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of equal length, filled up on the right: `ids` with 0, `labels` with IGNORED."""

    ids: list[list[int]]
    labels: list[list[int]]


def pad(samples: Sequence[Sample]) -> Batch:
    """The samples as rows of one length."""
    width = max(len(sample.ids) for sample in samples)
    return Batch(
        ids=[[*sample.ids, *[0] * (width - len(sample.ids))] for sample in samples],
        labels=[[*sample.labels, *[IGNORED] * (width - len(sample.labels))] for sample in samples],
    )


def batches(samples: Sequence[Sample], size: int, rng: random.Random, window: int = 16) -> Iterator[Batch]:
    """All samples once in random order, `size` to a batch.

    Within each run of `window` batches samples of like length are put together, so that little filling is needed.
    """
    order = list(samples)
    rng.shuffle(order)
    for start in range(0, len(order), size * window):
        chunk = sorted(order[start : start + size * window], key=lambda sample: len(sample.ids))
        groups = [chunk[at : at + size] for at in range(0, len(chunk), size)]
        rng.shuffle(groups)
        for group in groups:
            yield pad(group)


def hold_back(samples: Sequence[Sample], share: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """The samples to train on and a share of them (at least one, where `share` > 0 and two are there) to look at the loss on.

    Drawn by the seed alone, so that a training that is resumed holds back the same ones.
    """
    count = min(len(samples) - 1, max(1, round(share * len(samples)))) if share > 0 else 0
    chosen = set(random.Random(f"validation/{seed}").sample(range(len(samples)), max(0, count)))
    kept = [sample for place, sample in enumerate(samples) if place not in chosen]
    return kept, [sample for place, sample in enumerate(samples) if place in chosen]
