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
_COMMON, _OFTEN = 0.02, 0.1  # share of the texts that have a term from which on it is dense: for many vectors, for one
_RARE = 8  # and that many texts

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
    _unknown: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_row", dict(zip(self.terms, range(len(self.terms)), strict=True)))
        if len(self._row) != len(self.terms) or self.idf.shape != (len(self.terms),):
            raise ValueError("a term twice, or without its idf")
        object.__setattr__(self, "_unknown", UNKNOWN * float(self.idf.max(initial=0)))

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

    def transform(self, grams: list[str]) -> Vector:
        """The rows of the known terms among `grams`, in any order, and their tf-idf weights; both shape (known terms,)."""
        rows, known, strange = [], [], []
        for gram, count in Counter(grams).items():
            row = self._row.get(gram)
            if row is None:
                strange.append(1 + math.log(count))
            else:
                rows.append(row)
                known.append(count)
        if not rows:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        found = np.array(rows, dtype=np.int64)
        weights = (1 + np.log(known)) * self.idf[found]
        length = math.sqrt(weights @ weights + self._unknown**2 * sum(w * w for w in strange))
        return found, (weights / length).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Bag:
    """The TF-IDF vectors of `count` texts, kept by term: those of term t are at starts[t] to starts[t + 1], `texts` saying
    whose (ascending) and `weights` how much. Terms that many texts have lie in a dense matrix too: they are few, and most of
    the entries.

    Shapes: starts (terms + 1,), texts and weights (entries,). Raises ValueError when they do not fit together.
    """

    vocabulary: Vocabulary
    starts: Rows
    texts: NDArray[np.int32]
    weights: NDArray[np.float16]
    count: int
    _place: Rows = field(init=False, repr=False, compare=False)
    _dense: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        terms, entries = len(self.vocabulary.terms), len(self.texts)
        fits = self.starts.shape == (terms + 1,) and self.weights.shape == self.texts.shape == (entries,)
        if not fits or self.starts[0] != 0 or self.starts[-1] != entries or (np.diff(self.starts) < 0).any():
            raise ValueError("entries that do not fit their terms")
        if entries and not 0 <= self.texts.min() <= self.texts.max() < self.count:
            raise ValueError("an entry of no text")
        place, dense = self._matrix(_OFTEN)
        object.__setattr__(self, "_place", place)
        object.__setattr__(self, "_dense", dense)

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
        terms, weights = vector
        place = self._place[terms]
        dense = place >= 0
        found = weights[dense] @ self._dense[place[dense]]
        for part, shares in self._portions(terms[~dense], weights[~dense]):
            entries, lengths = self._entries(part)
            found += np.bincount(self.texts[entries], self._shares(entries, shares, lengths), self.count)
        return np.asarray(found, dtype=np.float32)

    def similarities_of_many(self, vectors: Sequence[Vector]) -> Floats:
        """As `similarities_of`, shape (vectors, count)."""
        place, dense = self._matrix(_COMMON)
        return np.concatenate([
            self._block(vectors[start : start + _BLOCK], place, dense) for start in range(0, len(vectors), _BLOCK)
        ])  # fmt: skip

    def _matrix(self, share: float) -> tuple[Rows, Floats]:
        """The terms that more than this share of the texts have, as a dense matrix of shape (such terms, count), and the row of
        each term in it, -1 for the others."""
        common = np.flatnonzero(np.diff(self.starts) > max(_RARE, self.count * share))
        place = np.full(len(self.starts) - 1, -1)
        place[common] = np.arange(len(common))
        dense = np.zeros((len(common), self.count), dtype=np.float32)
        entries, lengths = self._entries(common)
        dense[np.repeat(np.arange(len(common)), lengths), self.texts[entries]] = self.weights[entries]
        return place, dense

    def _shares(self, entries: Rows, weights: Floats, lengths: Rows) -> Floats:
        """What these entries add, for terms of such weights, with so many entries each."""
        shares = self.weights[entries].astype(np.float32)
        shares *= np.repeat(weights, lengths)
        return shares

    def _block(self, vectors: Sequence[Vector], place: Rows, dense: Floats) -> Floats:
        """The similarities of some texts, with what `_matrix` made."""
        rows = np.repeat(np.arange(len(vectors)), [len(terms) for terms, _ in vectors])
        terms, weights = (np.concatenate(parts) for parts in zip(*vectors, strict=True))
        many = place[terms] >= 0
        own = np.zeros((len(vectors), len(dense)), dtype=np.float32)
        own[rows[many], place[terms[many]]] = weights[many]
        entries, lengths = self._entries(terms[~many])
        places = self.texts[entries] + np.repeat(rows[~many] * self.count, lengths)
        shares = self._shares(entries, weights[~many], lengths)
        few = np.bincount(places, shares, len(vectors) * self.count).reshape(len(vectors), self.count)
        return np.asarray(own @ dense + few, dtype=np.float32)

    def _portions(self, terms: Rows, weights: Floats) -> Iterator[Vector]:
        """The same terms in a few parts with not many more than _ENTRIES entries each: what is made of an entry on the way
        takes eight times its memory."""
        ends = np.cumsum(self.starts[terms + 1] - self.starts[terms])
        total = int(ends[-1]) if len(ends) else 0
        if total <= _ENTRIES:
            yield terms, weights
            return
        cuts = np.searchsorted(ends, np.arange(_ENTRIES, total, _ENTRIES)).tolist()
        for start, end in itertools.pairwise((0, *cuts, len(terms))):
            yield terms[start:end], weights[start:end]

    def _entries(self, terms: Rows) -> tuple[Rows, Rows]:
        """Where the entries of these terms are, one after the other, and how many each term has."""
        lengths = self.starts[terms + 1] - self.starts[terms]
        ends = np.cumsum(lengths)
        first = np.repeat(self.starts[terms] - (ends - lengths), lengths)
        return np.arange(len(first)) + first, lengths
