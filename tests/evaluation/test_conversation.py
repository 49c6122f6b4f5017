"""Memory over a long conversation: a cache that fills is no leak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from locoman.contracts import Chunk, Request, Residency, ResidentBase, Served, Timing, Usage
from locoman.errors import ContextExceeded
from locoman.evaluation.practical.conversation import hold_conversation
from locoman.progress import no_progress

MB = 1 << 20


class Filling:
    """Its memory grows by a megabyte with every message that it holds, up to `room`; `leak` more bytes at each turn stay."""

    def __init__(self, room: int, leak: int = 0) -> None:
        self._room, self._leak = room, leak
        self._held, self._turns = 0, 0

    def chat(self, request: Request) -> Iterator[Chunk]:
        if len(request.messages) > self._room:
            raise ContextExceeded(len(request.messages), self._room)
        self._held = max(self._held, len(request.messages))
        self._turns += 1
        yield Chunk(text="Yes.", served=Served(None, "b", "test", 1.0, "asked"))
        yield Chunk(finish="stop", timing=Timing(ttft_ms=1.0), usage=Usage(1, 0, 1))

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        raise AssertionError

    def resident(self) -> Residency:
        memory = self._held * MB + self._turns * self._leak
        return Residency("test", "", 0.0, None, (ResidentBase("b", (), memory),))


@pytest.mark.parametrize("room", [9, 41, 61, 81])
def test_a_cache_that_fills_is_not_growth(room: int) -> None:
    held = hold_conversation(Filling(room), 50, no_progress)
    assert held.forgotten > 0 and held.slope == pytest.approx(0.0, abs=1.0)
    assert held.peak == room * MB


@pytest.mark.parametrize("room", [9, 81, 1000])
def test_a_leak_is(room: int) -> None:
    held = hold_conversation(Filling(room, leak=1000), 50, no_progress)
    assert held.slope >= 999.0
