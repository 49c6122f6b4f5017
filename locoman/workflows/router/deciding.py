"""Asks a running host first who would answer, and decides here where it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from locoman.contracts import Decider, Decision, Message


class Host(Protocol):
    """Something that may be gone."""

    def try_to(self, question: str, history: Sequence[Message] = ()) -> Decision | None:
        """The decision; None where it cannot say."""
        ...


class HostFirst:
    """A contracts.Decider; `router` opens the one of this process, which costs its imports and the encoder. `say` hears what
    the host has to tell of its router."""

    def __init__(self, host: Host, router: Callable[[], Decider], say: Callable[[str], None]) -> None:
        self._host = host
        self._say = say
        self._open = router
        self._router: Decider | None = None

    def decide(self, question: str, history: Sequence[Message] = ()) -> Decision:
        """See contracts.Decider."""
        if self._router is None and (decision := self._host.try_to(question, history)) is not None:
            if decision.notice:
                self._say(decision.notice)
            return decision
        self._router = self._router or self._open()
        return self._router.decide(question, history)
