"""The stage that knows what the user said about this very question."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from locoman.contracts import Candidate, Decision, Message
from locoman.routing.text import normalise

NAME = "feedback"


def digest(text: str) -> str:
    """Names a question by how it reads once normalised: 32 hex digits."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()[:32]


class SaidStage:
    """Decides the questions that the user decided; passes on otherwise."""

    def __init__(self, said: Mapping[str, str | None]) -> None:
        """`said` maps the digest of a question to its adapter, None = the plain base."""
        self._said = said

    def decide(self, question: str, history: Sequence[Message]) -> Decision | None:
        """With certainty; `history` is not read."""
        if not self._said or (key := digest(question)) not in self._said:
            return None
        adapter = self._said[key]
        return Decision(adapter, 1.0, NAME, (Candidate(adapter, 1.0),))
