"""Learns a router from example questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from locoman.routing.cascade import AdapterRule, RouterModel
from locoman.routing.examples import AdapterExamples, Example
from locoman.routing.learner import Document, calibrate, train
from locoman.routing.stages.lexical import LexicalModel
from locoman.routing.text import normalise

MAX_EXAMPLES = 500  # per adapter; who brings more is sampled, so that nobody wins by mass


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
    mine = [Example(text, a.name) for a in adapters for text in _sample(a.mine, random)]
    if not mine:
        return RouterModel(rules, None)
    names = tuple(dict.fromkeys(example.adapter for example in mine if example.adapter is not None))
    nobodys = [Example(text, None) for text in (*_distinct(none), "")]  # "": without evidence it is nobody's
    documents = [Document.of(example) for example in mine + nobodys]
    documents += [Document.of(example) for example in _refused(adapters, train(documents, names))]
    return RouterModel(rules, calibrate(train(documents, names), documents, random))


def _refused(adapters: Sequence[AdapterExamples], model: LexicalModel) -> list[Example]:
    """The "not mine" examples that `model`, which has not seen them, gives to the base before any other adapter."""
    found = []
    for adapter in adapters:
        others = [i for i, name in enumerate(model.adapters) if name != adapter.name]
        for text in _distinct(adapter.not_mine):
            probabilities = model.probabilities(text)
            if all(probabilities[i] < probabilities[-1] for i in others):
                found.append(Example(text, None))
    return found


def _distinct(texts: Iterable[str]) -> list[str]:
    """The texts that hold anything, without those that read the same once normalised."""
    return list({normal: text for text in texts if (normal := normalise(text))}.values())


def _sample(texts: Iterable[str], random: np.random.Generator) -> list[str]:
    """At most MAX_EXAMPLES of the distinct texts."""
    distinct = _distinct(texts)
    if len(distinct) <= MAX_EXAMPLES:
        return distinct
    return [distinct[i] for i in np.sort(random.choice(len(distinct), MAX_EXAMPLES, replace=False))]
