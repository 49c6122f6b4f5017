"""The stage that knows what words mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from locoman.contracts import Decision, Message
from locoman.errors import UnusableEncoder
from locoman.routing.features import Floats
from locoman.routing.kernels import meaning_kernel
from locoman.routing.latest import Latest
from locoman.routing.models import Encoder, Learnt, Meaning
from locoman.routing.scorer import Judgement
from locoman.routing.stages.lexical import alike
from locoman.routing.stages.verdict import Demands, verdict
from locoman.routing.text import is_foreign, normalise

NAME = "encoder"
REMEMBERED = 64  # vectors of the latest questions


class EncoderStage:
    """Decides every question in a script that the encoder was trained on; passes the others on."""

    def __init__(self, learnt: Learnt, meaning: Meaning, encoder: Encoder, demands: Demands) -> None:
        self.learnt = learnt
        self._meaning = meaning
        self._encoder = encoder
        self._demands = demands
        self._known = Latest[Floats](REMEMBERED)
        self._damaged = False

    def decide(self, question: str, history: Sequence[Message]) -> Decision | None:
        """The decision with every adapter and the base as candidates; `history` is not read. Where the encoder turns out to
        be damaged, the question is passed on."""
        if not self.reads(question):
            return None
        try:
            return verdict(self.judge(question), self.learnt.names, self._demands, NAME)
        except UnusableEncoder:
            self._damaged = True
            return None

    def reads(self, question: str) -> bool:
        """Whether it decides this question."""
        return not self._damaged and not is_foreign(question)

    def prepare(self, texts: Sequence[str]) -> None:
        """Lets the encoder see many texts at once, where it remembers them: that is faster than one by one."""
        self._encoder.encode([normalise(text) for text in texts])

    def judge(self, question: str) -> Judgement:
        """Of this one text."""
        lower, last = self._products(question)
        kernel = meaning_kernel(lower + last, *alike(self.learnt, question))
        return self._meaning.scorer.judge(kernel[None], 2 * last[None])

    def similarities(self, question: str) -> Floats:
        """How alike the question and each example are, shape (examples,)."""
        return 2 * self._products(question)[1]

    def _products(self, question: str) -> tuple[Floats, Floats]:
        vector = self._vector(normalise(question)).reshape(2, -1)
        return self._meaning.lower.products(vector[0]), self._meaning.last.products(vector[1])

    def _vector(self, text: str) -> Floats:
        known = self._known.get(text)
        if known is None:
            known = self._known.keep(text, np.asarray(self._encoder.encode([text])[0], dtype=np.float32))
        return known
