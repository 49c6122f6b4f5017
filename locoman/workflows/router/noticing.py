"""A router whose decisions carry what a person should hear of it: the host has nobody to tell it to, its clients do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from locoman.contracts import Decider, Decision, Message


class Noticing:
    """A contracts.Decider over `router`.

    `news` is said with one decision, and taken out of that list, which outlives this router; `standing` with every one, for
    as long as it is so.
    """

    def __init__(self, router: Decider, news: list[str], standing: Sequence[str]) -> None:
        self.router = router
        self._news = news
        self._standing = standing

    def decide(self, question: str, history: Sequence[Message] = ()) -> Decision:
        """See contracts.Decider."""
        decision = self.router.decide(question, history)
        sentences = [*self._news, *self._standing]
        self._news.clear()
        return replace(decision, notice="\n".join(dict.fromkeys(sentences))) if sentences else decision
