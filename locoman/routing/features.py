"""TF-IDF and the similarities of texts by it, in plain numpy, the same code for fitting and deciding.

tf-idf = (1 + ln tf) * idf with the smoothed idf = ln((1 + n) / (1 + df)) + 1, scaled to Euclidean length 1: what
scikit-learn's TfidfVectorizer computes with `sublinear_tf=True`. Unlike there, unknown terms count in the length, with
UNKNOWN times the largest idf, so that three known words among ten strange ones say less than three alone.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0.75
_BLOCK = 128  # texts that are compared at a time
_ENTRIES = 1 << 15
_COMMON, _RARE = 0.02, 8  # a term is common that is in more than this share of the texts, and in more than so many

Floats: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64]
Vector: TypeAlias = tuple[Rows, Floats]
"""What `Vocabulary.transform` makes of a text."""


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
        numbers = list(map(self._row.get, grams))
        known = [number for number in numbers if number is not None]
        if not known:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        rows, counts = np.unique(np.array(known, dtype=np.int64), return_counts=True)
        weights = (1 + np.log(counts)) * self.idf[rows]
        strange: list[float] = []
        if len(known) < len(numbers):
            unknown = Counter(gram for gram, number in zip(grams, numbers, strict=True) if number is None)
            strange = [1 + math.log(count) for count in unknown.values()]
        length = math.sqrt(weights @ weights + (UNKNOWN * self.idf.max()) ** 2 * sum(w * w for w in strange))
        return rows, (weights / length).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Bag:
    """The TF-IDF vectors of `count` texts, kept by term: those of term t are at starts[t] to starts[t + 1], `texts` saying
    whose (ascending) and `weights` how much.

    Shapes: starts (terms + 1,), texts and weights (entries,). Raises ValueError when they do not fit together.
    """

    vocabulary: Vocabulary
    starts: Rows
    texts: NDArray[np.int32]
    weights: NDArray[np.float16]
    count: int

    def __post_init__(self) -> None:
        terms, entries = len(self.vocabulary.terms), len(self.texts)
        fits = self.starts.shape == (terms + 1,) and self.weights.shape == self.texts.shape == (entries,)
        if not fits or self.starts[0] != 0 or self.starts[-1] != entries or (np.diff(self.starts) < 0).any():
            raise ValueError("entries that do not fit their terms")
        if entries and not 0 <= self.texts.min() <= self.texts.max() < self.count:
            raise ValueError("an entry of no text")

    @classmethod
    def of(cls, vocabulary: Vocabulary, documents: Sequence[list[str]]) -> Bag:
        """The vectors of these texts, each a list of grams."""
        return cls.made_of(vocabulary, [vocabulary.transform(grams) for grams in documents])

    @classmethod
    def made_of(cls, vocabulary: Vocabulary, vectors: Sequence[Vector]) -> Bag:
        """As `of`, for texts that `vocabulary` has transformed."""
        terms = np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in vectors)])
        texts = np.repeat(np.arange(len(vectors), dtype=np.int32), [len(rows) for rows, _ in vectors])
        weights = np.concatenate([np.empty(0, dtype=np.float32), *(weights for _, weights in vectors)])
        order = np.argsort(terms, kind="stable")
        starts = np.searchsorted(terms[order], np.arange(len(vocabulary.terms) + 1))
        return cls(vocabulary, starts, texts[order], weights[order].astype(np.float16), len(vectors))

    def similarities(self, grams: list[str]) -> Floats:
        """The cosine of a text with each of the bag's, shape (count,)."""
        return self.similarities_of(self.vocabulary.transform(grams))

    def similarities_of(self, vector: Vector) -> Floats:
        """As `similarities`, for a text that the vocabulary has transformed."""
        found = np.zeros(self.count)
        for terms, weights in self._portions(*vector):
            entries, lengths = self._entries(terms)
            shares = self.weights[entries] * np.repeat(weights, lengths)
            found += np.bincount(self.texts[entries], shares, self.count)
        return found.astype(np.float32)

    def similarities_of_many(self, vectors: Sequence[Vector]) -> Floats:
        """As `similarities_of`, shape (vectors, count). Terms that many texts have are multiplied as a dense matrix: they are
        few, and most of the entries."""
        frequency = np.diff(self.starts)
        common = np.flatnonzero(frequency > max(_RARE, self.count * _COMMON))
        column = np.full(len(frequency), -1)
        column[common] = np.arange(len(common))
        dense = np.zeros((self.count, len(common)), dtype=np.float32)
        entries, lengths = self._entries(common)
        dense[self.texts[entries], np.repeat(np.arange(len(common)), lengths)] = self.weights[entries]
        return np.concatenate([
            self._block(vectors[start : start + _BLOCK], column, dense) for start in range(0, len(vectors), _BLOCK)
        ])  # fmt: skip

    def _block(self, vectors: Sequence[Vector], column: Rows, dense: Floats) -> Floats:
        """The similarities of some texts; the terms that have a `column` in `dense` are those of many texts."""
        rows = np.repeat(np.arange(len(vectors)), [len(terms) for terms, _ in vectors])
        terms, weights = (np.concatenate(parts) for parts in zip(*vectors, strict=True))
        many = column[terms] >= 0
        own = np.zeros((len(vectors), dense.shape[1]), dtype=np.float32)
        own[rows[many], column[terms[many]]] = weights[many]
        entries, lengths = self._entries(terms[~many])
        shares = self.weights[entries] * np.repeat(weights[~many], lengths)
        places = self.texts[entries] + np.repeat(rows[~many] * self.count, lengths)
        few = np.bincount(places, shares, len(vectors) * self.count).reshape(len(vectors), self.count)
        return np.asarray(own @ dense.T + few, dtype=np.float32)

    def _portions(self, terms: Rows, weights: Floats) -> Iterator[Vector]:
        """The same terms in a few parts with not many more than _ENTRIES entries each: what is made of an entry on the way
        takes eight times its memory."""
        ends = np.cumsum(self.starts[terms + 1] - self.starts[terms])
        total = int(ends[-1]) if len(ends) else 0
        cuts = np.searchsorted(ends, np.arange(_ENTRIES, total, _ENTRIES)).tolist()
        for start, end in itertools.pairwise((0, *cuts, len(terms))):
            yield terms[start:end], weights[start:end]

    def _entries(self, terms: Rows) -> tuple[Rows, Rows]:
        """Where the entries of these terms are, one after the other, and how many each term has."""
        lengths = self.starts[terms + 1] - self.starts[terms]
        ends = np.cumsum(lengths)
        first = np.repeat(self.starts[terms] - (ends - lengths), lengths)
        return np.arange(len(first)) + first, lengths
