"""The stage that knows words alone: it needs nothing downloaded."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from locoman.contracts import Decision, Message
from locoman.routing.common_words import is_politeness
from locoman.routing.features import Floats
from locoman.routing.kernels import lexical_kernel, lexical_similarity
from locoman.routing.models import Learnt
from locoman.routing.scorer import Judgement
from locoman.routing.stages.verdict import Demands, verdict
from locoman.routing.text import character_grams, is_foreign, shape, word_grams

NAME = "lexical"
FOREIGN_TRUST = (
    0.8  # of a probability for a text in a script that no example is in: only its numbers and signs were read
)


class LexicalStage:
    """Decides every question: the likeliest adapter if the question is in scope, else the base."""

    def __init__(self, learnt: Learnt, demands: Demands) -> None:
        self.learnt = learnt
        self._demands = demands

    def decide(self, question: str, history: Sequence[Message]) -> Decision:
        """The decision with every adapter and the base as candidates; `history` is not read."""
        return verdict(self.judge(question), self.learnt.names, self._demands, NAME)

    def reads(self, question: str) -> bool:
        """Whether it decides this question: every one."""
        return True

    def judge(self, question: str) -> Judgement:
        """Of this one text. Politeness alone is read as if nothing had been said: that examples are polite does not make
        "thanks" an adapter's, unless one has such questions itself."""
        if is_politeness(question) and not self._answers_politeness:
            question = ""
        words, characters = alike(self.learnt, question)
        similarity = lexical_similarity(words, characters)[None]
        return trusted(self.learnt.lexical.judge(lexical_kernel(words, characters)[None], similarity), question)

    @functools.cached_property
    def _answers_politeness(self) -> bool:
        return any(map(is_politeness, self.learnt.texts[: int(self.learnt.lexical.owners.starts[-2])]))

    def similarities(self, question: str) -> Floats:
        """How alike the question and each example are, shape (examples,)."""
        return lexical_similarity(*alike(self.learnt, question))


def trusted(judgement: Judgement, question: str) -> Judgement:
    """Less, where the question is in a script that could not be read."""
    return replace(judgement, somebody=FOREIGN_TRUST * judgement.somebody) if is_foreign(question) else judgement


def alike(learnt: Learnt, question: str) -> tuple[Floats, Floats]:
    """The cosines of the question's words, and of its characters, with those of each example, both shape (examples,)."""
    shaped = shape(question)
    wording = learnt.wording
    return wording.words.similarities(word_grams(shaped)), wording.characters.similarities(character_grams(shaped))
