"""TF-IDF in plain numpy, the same code for fitting and deciding.

tf-idf = (1 + ln tf) * idf, scaled to Euclidean length 1 over the known terms, with the smoothed
idf = ln((1 + n) / (1 + df)) + 1: what scikit-learn's TfidfVectorizer computes with `sublinear_tf=True`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64]
Grams: TypeAlias = Callable[[str], list[str]]


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
        found = [row for gram in grams if (row := lookup(gram)) is not None]
        rows, counts = np.unique(np.array(found, dtype=np.int64), return_counts=True)
        weights = (1 + np.log(counts)) * self.idf[rows]
        length = float(np.sqrt(weights @ weights))
        return rows, (weights / length if length else weights).astype(np.float32)
