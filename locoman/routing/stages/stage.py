"""The seam behind which every way of choosing an adapter stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from locoman.contracts import Decision, Message


class Stage(Protocol):
    """One way of choosing an adapter."""

    def decide(self, question: str, history: Sequence[Message]) -> Decision | None:
        """Who should answer `question`, or None to pass on to the next stage.

        `history` are the turns before the question, oldest first. A decision's candidates may come in any order and its
        `route_ms` is filled in by the cascade.
        """
        ...
