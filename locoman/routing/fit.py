"""Learns a router from example questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from locoman.routing.conflicts import BY_MEANING, BY_WORDS, find_conflicts
from locoman.routing.encoder.files import VECTORS
from locoman.routing.examples import AdapterExamples, Example
from locoman.routing.features import Bag, Floats, Vocabulary
from locoman.routing.kernels import (
    LEXICAL_NOISE,
    MEANING_NOISE,
    lexical_kernel,
    lexical_similarity,
    meaning_kernel,
)
from locoman.routing.learner import Learned, learn
from locoman.routing.models import AdapterRule, Encoder, Learnt, Meaning, RouterModel, Wording
from locoman.routing.packed import Packed
from locoman.routing.text import MAX_CHARACTERS, character_grams, normalise, shape, word_grams

MAX_EXAMPLES = 500  # per adapter; who brings more is sampled, so that nobody wins by mass
MAX_TERMS = 40_000  # per vocabulary
LARGE = 3000  # examples


@dataclass(frozen=True, slots=True)
class Fitted:
    """A router, and how it judges its own examples without having seen them; None when there are none."""

    model: RouterModel
    lexical: Learned | None = None
    meaning: Learned | None = None


def fit_router(
    adapters: Sequence[AdapterExamples],
    none: Sequence[str],
    *,
    encoder: Encoder | None = None,
    wrong_cost: float = 0.0,
    seed: int = 0,
) -> RouterModel:
    """The router for these adapters; `none` are questions that are nobody's. The same input gives the same router.

    Adapters without examples are reached by their keywords alone. Each adapter and "none" weigh the same, however many
    examples they have. A "not mine" example counts as nobody's, unless the other examples say that it is another
    adapter's. Raises ValueError when two adapters have one name.
    """
    return fit_and_judge(adapters, none, encoder=encoder, wrong_cost=wrong_cost, seed=seed).model


def fit_and_judge(
    adapters: Sequence[AdapterExamples],
    none: Sequence[str],
    *,
    encoder: Encoder | None = None,
    wrong_cost: float = 0.0,
    seed: int = 0,
) -> Fitted:
    """As `fit_router`, with the judgements by which it was calibrated."""
    if len({adapter.name for adapter in adapters}) != len(adapters):
        raise ValueError("two adapters have the same name")
    rules = tuple(AdapterRule(a.name, tuple(a.keywords), a.minimum_confidence) for a in adapters)
    random = np.random.default_rng(seed)
    mine = [Example(text, a.name) for a in adapters for text in _sample(a.mine, random)]
    if not mine:
        return Fitted(RouterModel(rules, None, wrong_cost))
    nobodys = [Example(text, None) for text in ("", *_sample(none, random, 4 * MAX_EXAMPLES))]
    refused = [(a.name, text) for a in adapters for text in _sample(a.not_mine, random)]
    examples = mine + nobodys
    if refused:
        examples += _unclaimed(refused, mine, _vectors(encoder, [text for _, text in refused]), encoder)
    from threadpoolctl import threadpool_limits

    vectors = _vectors(encoder, [example.text for example in examples])
    with threadpool_limits(1 if len(examples) < LARGE else None):  # for so few, threads only wait for each other
        learnt, lexical, meaning = _learn(examples, vectors)
    return Fitted(RouterModel(rules, learnt, wrong_cost), lexical, meaning)


def _learn(examples: Sequence[Example], vectors: Floats | None) -> tuple[Learnt, Learned, Learned | None]:
    """`examples`: those of each adapter one after the other, those of nobody last."""
    names = tuple(dict.fromkeys(example.adapter for example in examples if example.adapter is not None))
    column: dict[str | None, int] = {None: len(names), **{name: i for i, name in enumerate(names)}}
    labels = np.array([column[example.adapter] for example in examples], dtype=np.int64)
    texts = tuple(example.text for example in examples)
    shapes = [shape(text) for text in texts]
    numbers = {shaped: number for number, shaped in enumerate(dict.fromkeys(shapes))}
    groups = np.array([numbers[shaped] for shaped in shapes], dtype=np.int64)
    wording, words, characters = _wording(shapes)
    alike, nearness = lexical_similarity(words, characters), BY_WORDS
    lexical = learn(lexical_kernel(words, characters), alike, labels, groups, LEXICAL_NOISE)
    meaning, found = None, None
    if vectors is not None:
        halves = vectors.reshape(len(texts), 2, -1)
        lower, last = Packed.of(halves[:, 0]), Packed.of(halves[:, 1])
        alike_lower, alike_last = _products(lower), _products(last)
        kernel = meaning_kernel(alike_lower + alike_last, words, characters)
        alike, nearness = 2 * alike_last, BY_MEANING
        found = learn(kernel, alike, labels, groups, MEANING_NOISE)
        meaning = Meaning(VECTORS, lower, last, found.scorer)
    conflicts = find_conflicts(names, texts, labels, found or lexical, alike, nearness)
    return Learnt(names, texts, wording, lexical.scorer, meaning, conflicts), lexical, found


def _products(packed: Packed) -> Floats:
    """Of all vectors with each other."""
    vectors = packed.unpacked()
    return vectors @ vectors.T


def _wording(shapes: Sequence[str]) -> tuple[Wording, Floats, Floats]:
    """The bags and, of shape (texts, texts), the similarities of all texts by words and by characters."""
    words, alike_words = _compared([word_grams(text) for text in shapes])
    characters, alike_characters = _compared([character_grams(text) for text in shapes])
    return Wording(words, characters), alike_words, alike_characters


def _compared(documents: Sequence[list[str]]) -> tuple[Bag, Floats]:
    vocabulary = Vocabulary.learn(documents, minimum_documents=1, maximum_terms=MAX_TERMS)
    exact = (vocabulary.transform(grams) for grams in documents)
    vectors = [
        (rows, weights.astype(np.float16).astype(np.float32)) for rows, weights in exact
    ]  # as the bag keeps them
    bag = Bag.made_of(vocabulary, vectors)
    return bag, bag.similarities_of_many(vectors)


def _vectors(encoder: Encoder | None, texts: Sequence[str]) -> Floats | None:
    return None if encoder is None else encoder.encode([normalise(text) for text in texts])


def _unclaimed(
    refused: Sequence[tuple[str, str]], mine: Sequence[Example], vectors: Floats | None, encoder: Encoder | None
) -> list[Example]:
    """The "not mine" examples, pairs of adapter and text, that no other adapter's example is nearest to.

    Nearest by meaning where there is an encoder, else by wording: a text that resembles nothing is nobody's.
    """
    texts = [text for _, text in refused]
    if vectors is not None:
        others = _vectors(encoder, [example.text for example in mine])
        assert others is not None
        alike = vectors @ others.T
        enough = 0.77
    else:
        shapes = [shape(example.text) for example in mine]
        lists = [character_grams(text) for text in shapes]
        bag = Bag.of(Vocabulary.learn(lists, minimum_documents=1, maximum_terms=MAX_TERMS), lists)
        alike = np.stack([bag.similarities(character_grams(shape(text))) for text in texts])
        enough = 0.5
    found = []
    for (adapter, text), row in zip(refused, alike, strict=True):
        nearest = int(row.argmax())
        if mine[nearest].adapter == adapter or row[nearest] < enough:
            found.append(Example(text, None))
    return found


def _distinct(texts: Iterable[str]) -> list[str]:
    """The texts that hold anything, cut to what is read of them, without those that read the same once normalised."""
    return list({normal: _clean(text) for text in texts if (normal := normalise(text))}.values())


def _clean(text: str) -> str:
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


def _sample(texts: Iterable[str], random: np.random.Generator, most: int = MAX_EXAMPLES) -> list[str]:
    """At most `most` of the distinct texts."""
    distinct = _distinct(texts)
    if len(distinct) <= most:
        return distinct
    return [distinct[i] for i in np.sort(random.choice(len(distinct), most, replace=False))]
