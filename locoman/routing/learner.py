"""Trains and calibrates the lexical stage. scikit-learn and scipy are imported here, while fitting, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locoman.routing.calibration import Labels, Matrix, choose_threshold, fit_temperature, softmax
from locoman.routing.examples import Example
from locoman.routing.features import Floats, Vocabulary
from locoman.routing.stages.lexical import LexicalModel
from locoman.routing.text import character_grams, shape, word_grams

FOLDS = 5
MAX_TERMS = 40_000  # per vocabulary
INVERSE_REGULARISATION = 10.0


@dataclass(frozen=True, slots=True)
class Document:
    """An example taken apart; questions that differ in numbers only have the same `shape`."""

    adapter: str | None
    shape: str
    words: list[str]
    characters: list[str]

    @classmethod
    def of(cls, example: Example) -> Document:
        """Reads the example's text."""
        shaped = shape(example.text)
        return cls(example.adapter, shaped, word_grams(shaped), character_grams(shaped))


def train(documents: Sequence[Document], adapters: tuple[str, ...]) -> LexicalModel:
    """An uncalibrated model (temperature 1, threshold 0) with these columns; each must have a document, "none" too."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    words = Vocabulary.learn((d.words for d in documents), minimum_documents=1, maximum_terms=MAX_TERMS)
    characters = Vocabulary.learn((d.characters for d in documents), minimum_documents=2, maximum_terms=MAX_TERMS)
    columns: list[NDArray[np.int64]] = []
    values: list[Floats] = []
    ends = [0]
    for document in documents:
        word_rows, word_values = words.transform(document.words)
        character_rows, character_values = characters.transform(document.characters)
        columns += [word_rows, character_rows + len(words.terms)]
        values += [word_values, character_values]
        ends.append(ends[-1] + len(word_rows) + len(character_rows))
    size = (len(documents), len(words.terms) + len(characters.terms))
    matrix = csr_matrix((np.concatenate(values, dtype=np.float64), np.concatenate(columns), ends), shape=size)
    labels = _labels(documents, adapters)
    regression = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000, tol=1e-3)
    with threadpool_limits(1):  # the products are small: more threads would only wait for each other
        regression.fit(matrix, labels, sample_weight=_balance(labels))
    weights, bias = _columns(regression)
    return LexicalModel(adapters, words, characters, weights, bias, 1.0, 0.0)


def calibrate(model: LexicalModel, documents: Sequence[Document], random: np.random.Generator) -> LexicalModel:
    """`model`, trained on `documents`, with the temperature and threshold that fit questions it has not seen.

    They are measured out of fold. With too few documents to hold any out, the temperature stays as it is.
    """
    labels = _labels(documents, model.adapters)
    folds = _folds(documents, labels, random)
    scored = folds >= 0
    logits = np.zeros((len(documents), len(model.adapters) + 1))
    for fold in np.unique(folds[scored]):
        learner = train([d for d, place in zip(documents, folds, strict=True) if place != fold], model.adapters)
        for i in np.flatnonzero(folds == fold).tolist():
            logits[i] = np.log(learner.probabilities_of(documents[i].words, documents[i].characters))
    temperature = fit_temperature(logits[scored], labels[scored], _balance(labels)[scored]) if scored.any() else 1.0
    own = scored & (labels < len(model.adapters))
    best = softmax(temperature * logits[own])[:, :-1].max(axis=1)
    calibrated = replace(model, temperature=temperature)
    silent = float(calibrated.probabilities("")[:-1].max())
    return replace(calibrated, threshold=choose_threshold(best, silent))


def _folds(documents: Sequence[Document], labels: Labels, random: np.random.Generator) -> Labels:
    """A fold for each document, stratified by label; -1 = always trained on, for labels with a single shape.

    Documents of one shape share a fold: what is measured is how new wordings fare, not new numbers.
    """
    folds = np.full(len(documents), -1, dtype=np.int64)
    for label in np.unique(labels):
        shapes: dict[str, list[int]] = {}
        for i in np.flatnonzero(labels == label).tolist():
            shapes.setdefault(documents[i].shape, []).append(i)
        if len(shapes) > 1:
            for place, members in zip(random.permutation(len(shapes)), shapes.values(), strict=True):
                folds[members] = place % FOLDS
    return folds


def _columns(regression: Any) -> tuple[Floats, Floats]:
    """Weights, shape (terms, classes), and bias, shape (classes,); of two classes scikit-learn keeps one column."""
    weights, bias = regression.coef_, regression.intercept_
    if len(bias) == 1:
        weights, bias = np.vstack([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
    return np.ascontiguousarray(weights.T, dtype=np.float32), bias.astype(np.float32)


def _labels(documents: Sequence[Document], adapters: tuple[str, ...]) -> Labels:
    column: dict[str | None, int] = {None: len(adapters), **{name: i for i, name in enumerate(adapters)}}
    return np.array([column[document.adapter] for document in documents], dtype=np.int64)


def _balance(labels: Labels) -> Matrix:
    """A weight for each document, 1 on average, that gives every label the same sum."""
    counts = np.bincount(labels)
    return np.asarray(len(labels) / (np.count_nonzero(counts) * counts[labels]), dtype=np.float64)
