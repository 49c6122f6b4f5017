"""TF-IDF in plain numpy, the same code for fitting and deciding.

tf-idf = (1 + ln tf) * idf with the smoothed idf = ln((1 + n) / (1 + df)) + 1, scaled to Euclidean length 1: what
scikit-learn's TfidfVectorizer computes with `sublinear_tf=True`. Unlike there, unknown terms count in the length, with
UNKNOWN times the largest idf, so that three known words among ten strange ones say less than three alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0.5

Floats: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Terms in row order with their idf, shape (len(terms),). Raises ValueError when they do not fit together."""

    terms: tuple[str, ...]
    idf: Floats
    _row: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_row", dict(zip(self.terms, range(len(self.terms)), strict=True)))
        if len(self._row) != len(self.terms) or self.idf.shape != (len(self.terms),):
            raise ValueError("a term twice, or without its idf")

    @classmethod
    def learn(cls, documents: Iterable[list[str]], *, minimum_documents: int, maximum_terms: int) -> Vocabulary:
        """The terms in at least `minimum_documents` of the documents (lists of grams); the commonest if too many."""
        total = 0
        counts: Counter[str] = Counter()
        for grams in documents:
            total += 1
            counts.update(set(grams))
        kept = [term for term, count in counts.items() if count >= minimum_documents]
        kept = sorted(sorted(kept, key=lambda term: (-counts[term], term))[:maximum_terms])
        frequency = np.array([counts[term] for term in kept], dtype=np.float64)
        return cls(tuple(kept), (np.log((1 + total) / (1 + frequency)) + 1).astype(np.float32))

    def transform(self, grams: list[str]) -> tuple[Rows, Floats]:
        """The rows of the known terms among `grams`, ascending, and their tf-idf weights; both shape (known terms,)."""
        lookup = self._row.get
        counts = Counter(grams)
        known = sorted((row, count) for gram, count in counts.items() if (row := lookup(gram)) is not None)
        rows = np.array([row for row, _ in known], dtype=np.int64)
        if not known:
            return rows, np.empty(0, dtype=np.float32)
        weights = (1 + np.log([count for _, count in known])) * self.idf[rows]
        strange = [1 + math.log(count) for gram, count in counts.items() if gram not in self._row]
        length = math.sqrt(weights @ weights + (UNKNOWN * self.idf.max()) ** 2 * sum(w * w for w in strange))
        return rows, (weights / length).astype(np.float32)
