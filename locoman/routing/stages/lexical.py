"""The stage that knows words: a linear model over TF-IDF, with a class of its own for "none of the adapters"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locoman.contracts import Candidate, Decision, Message
from locoman.routing.calibration import softmax
from locoman.routing.features import Floats, Vocabulary
from locoman.routing.text import character_grams, shape, word_grams

NAME = "lexical"


@dataclass(frozen=True, slots=True)
class LexicalModel:
    """What the lexical stage has learned.

    Column i of `weights`, shape (word terms + character terms, adapters + 1), and of `bias`, shape (adapters + 1,), is
    `adapters[i]`; the last column is "none". Probabilities are softmax(temperature * logits); an adapter is taken from
    `threshold` upwards.
    """

    adapters: tuple[str, ...]
    words: Vocabulary
    characters: Vocabulary
    weights: Floats
    bias: Floats
    temperature: float
    threshold: float

    def probabilities(self, question: str) -> NDArray[np.float64]:
        """Shape (adapters + 1,): who should answer, "none" last."""
        shaped = shape(question)
        return self.probabilities_of(word_grams(shaped), character_grams(shaped))

    def probabilities_of(self, words: list[str], characters: list[str]) -> NDArray[np.float64]:
        """As `probabilities`, for a question already taken apart."""
        word_rows, word_values = self.words.transform(words)
        character_rows, character_values = self.characters.transform(characters)
        logits = self.bias + word_values @ self.weights[word_rows]
        logits = logits + character_values @ self.weights[character_rows + len(self.words.terms)]
        return softmax(self.temperature * logits.astype(np.float64))


class LexicalStage:
    """Decides every question: the likeliest adapter if it is likely enough, else the base."""

    def __init__(self, model: LexicalModel, minimum_confidence: Mapping[str, float]) -> None:
        """`minimum_confidence` maps adapters to a probability that they ask for beyond the model's threshold."""
        self._model = model
        self._required = [max(model.threshold, minimum_confidence.get(name, 0.0)) for name in model.adapters]

    def decide(self, question: str, history: Sequence[Message]) -> Decision:
        """The decision with every adapter and the base as candidates; `history` is not read."""
        probabilities = self._model.probabilities(question).tolist()
        names: list[str | None] = [*self._model.adapters, None]
        best = max(range(len(names) - 1), key=probabilities.__getitem__)
        chosen = best if probabilities[best] >= self._required[best] else len(names) - 1
        candidates = tuple(Candidate(name, value) for name, value in zip(names, probabilities, strict=True))
        return Decision(names[chosen], probabilities[chosen], NAME, candidates)
