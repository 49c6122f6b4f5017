"""Learns a router from example questions. scikit-learn and scipy are imported here, while fitting, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locoman.routing.calibration import Labels, Matrix, choose_threshold, fit_temperature, softmax
from locoman.routing.cascade import AdapterRule, RouterModel
from locoman.routing.examples import AdapterExamples, Example
from locoman.routing.features import Vocabulary
from locoman.routing.stages.lexical import LexicalModel
from locoman.routing.text import character_grams, normalise, shape, word_grams

FOLDS = 5
MAX_EXAMPLES = 500  # per adapter; who brings more is sampled, so that nobody wins by mass
MAX_TERMS = 40_000  # per vocabulary
INVERSE_REGULARISATION = 10.0


def fit_router(adapters: Sequence[AdapterExamples], none: Sequence[str], *, seed: int = 0) -> RouterModel:
    """The router for these adapters; `none` are questions that are nobody's. The same input gives the same router.

    Adapters without examples are reached by their keywords alone. Each adapter and "none" weigh the same, however many
    examples they have. A "not mine" example counts as nobody's, unless the other examples say that it is another
    adapter's. Raises ValueError when two adapters have one name.
    """
    if len({adapter.name for adapter in adapters}) != len(adapters):
        raise ValueError("two adapters have the same name")
    rules = tuple(AdapterRule(a.name, tuple(a.keywords), a.minimum_confidence) for a in adapters)
    random = np.random.default_rng(seed)
    examples = [Example(text, a.name) for a in adapters for text in _sample(a.mine, random)]
    if not examples:
        return RouterModel(rules, None)
    names = tuple(dict.fromkeys(example.adapter for example in examples if example.adapter is not None))
    examples += [Example(text, None) for text in (*_distinct(none), "")]
    examples += _nobodys(adapters, _train(examples, names))
    return RouterModel(rules, _calibrate(_train(examples, names), examples, random))


def _nobodys(adapters: Sequence[AdapterExamples], model: LexicalModel) -> list[Example]:
    """The "not mine" examples that `model`, which has not seen them, gives to the base before any other adapter."""
    found = []
    for adapter in adapters:
        for text in _distinct(adapter.not_mine):
            probabilities = model.probabilities(text)
            others = [i for i, name in enumerate(model.adapters) if name != adapter.name]
            if all(probabilities[i] < probabilities[-1] for i in others):
                found.append(Example(text, None))
    return found


def _calibrate(model: LexicalModel, examples: Sequence[Example], random: np.random.Generator) -> LexicalModel:
    """`model` with the temperature and the threshold that fit questions it has not seen: out-of-fold ones."""
    labels = _labels(examples, model.adapters)
    folds = _folds(examples, labels, random)
    if folds.max() < 1:
        return _with_threshold(model, np.empty(0))
    logits = np.zeros((len(examples), len(model.adapters) + 1))
    for fold in range(int(folds.max()) + 1):
        learner = _train([example for example, at in zip(examples, folds, strict=True) if at != fold], model.adapters)
        for i in np.flatnonzero(folds == fold).tolist():
            logits[i] = np.log(learner.probabilities(examples[i].text))
    scored = folds >= 0
    temperature = fit_temperature(logits[scored], labels[scored], _balance(labels)[scored])
    own = scored & (labels < len(model.adapters))
    best = softmax(temperature * logits[own])[:, :-1].max(axis=1)
    return _with_threshold(replace(model, temperature=temperature), best)


def _with_threshold(model: LexicalModel, own: NDArray[np.float64]) -> LexicalModel:
    silent = float(model.probabilities("")[:-1].max())
    return replace(model, threshold=choose_threshold(own, silent))


def _folds(examples: Sequence[Example], labels: Labels, random: np.random.Generator) -> Labels:
    """A fold for each example, stratified by label; -1 = always trained on, for labels with a single kind of question.

    Questions that differ in numbers only are one kind and share a fold: what is measured is how new wordings fare.
    """
    folds = np.full(len(examples), -1, dtype=np.int64)
    for label in np.unique(labels):
        kinds: dict[str, list[int]] = {}
        for i in np.flatnonzero(labels == label).tolist():
            kinds.setdefault(shape(examples[i].text), []).append(i)
        if len(kinds) > 1:
            for place, kind in enumerate(random.permutation(len(kinds))):
                folds[list(kinds.values())[kind]] = place % FOLDS
    return folds


def _train(examples: Sequence[Example], adapters: tuple[str, ...]) -> LexicalModel:
    """An uncalibrated model (temperature 1, threshold 0) with these columns; each must have an example, "none" too."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    shaped = [shape(example.text) for example in examples]
    word_grams_of, character_grams_of = [word_grams(t) for t in shaped], [character_grams(t) for t in shaped]
    words = Vocabulary.learn(word_grams_of, minimum_documents=1, maximum_terms=MAX_TERMS)
    characters = Vocabulary.learn(character_grams_of, minimum_documents=2, maximum_terms=MAX_TERMS)
    columns, values, ends = [], [], [0]
    for word_list, character_list in zip(word_grams_of, character_grams_of, strict=True):
        for vocabulary, grams, offset in ((words, word_list, 0), (characters, character_list, len(words.terms))):
            rows, weights = vocabulary.transform(grams)
            columns.append(rows + offset)
            values.append(weights)
        ends.append(ends[-1] + len(columns[-1]) + len(columns[-2]))
    size = len(words.terms) + len(characters.terms)
    matrix = csr_matrix((np.concatenate(values), np.concatenate(columns), ends), shape=(len(examples), size))
    labels = _labels(examples, adapters)
    regression = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000, tol=1e-3)
    regression.fit(matrix.astype(np.float64), labels, sample_weight=_balance(labels))
    weights, bias = _columns(regression)
    return LexicalModel(adapters, words, characters, weights, bias, 1.0, 0.0)


def _columns(regression: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights, shape (terms, classes), and bias, shape (classes,); of two classes scikit-learn keeps one column."""
    weights, bias = regression.coef_, regression.intercept_
    if len(bias) == 1:
        weights, bias = np.vstack([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
    return np.ascontiguousarray(weights.T, dtype=np.float32), bias.astype(np.float32)


def _labels(examples: Sequence[Example], adapters: tuple[str, ...]) -> Labels:
    column: dict[str | None, int] = {None: len(adapters), **{name: i for i, name in enumerate(adapters)}}
    return np.array([column[example.adapter] for example in examples], dtype=np.int64)


def _balance(labels: Labels) -> Matrix:
    """A weight for each example, 1 on average, that gives every label the same sum."""
    counts = np.bincount(labels)
    return np.asarray(len(labels) / (np.count_nonzero(counts) * counts[labels]), dtype=np.float64)


def _distinct(texts: Iterable[str]) -> list[str]:
    """The texts that hold anything, without those that read the same once normalised."""
    return list({normal: text for text in texts if (normal := normalise(text))}.values())


def _sample(texts: Iterable[str], random: np.random.Generator) -> list[str]:
    """At most MAX_EXAMPLES of the distinct texts."""
    distinct = _distinct(texts)
    if len(distinct) <= MAX_EXAMPLES:
        return distinct
    return [distinct[i] for i in np.sort(random.choice(len(distinct), MAX_EXAMPLES, replace=False))]
