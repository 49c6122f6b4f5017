"""An answer made in a task of its own: a slow reader does not hold the engine, one that went away stops it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.requests import Request as HttpRequest

from locoman.contracts import Chunk

_PAUSE = 0.03
"""Seconds between two pieces of an answer in a crowd: nobody sees it, and sending one costs as much as all else about it."""


class Pump:
    """Runs `chunks` to its end and keeps what came (an answer is at most a context long) until it is read; `crowded`:
    whether so many answers are under way that their pieces should be fewer and larger."""

    def __init__(self, chunks: AsyncGenerator[Chunk], http: HttpRequest, crowded: Callable[[], bool]) -> None:
        self._crowded = crowded
        self._taken = 0.0
        self._waiting: list[Chunk] = []
        self._news = asyncio.Event()
        self._work = asyncio.create_task(self._run(chunks))
        self._work.add_done_callback(lambda _: self._news.set())
        self._watch = asyncio.create_task(self._stop_at_disconnect(http))

    async def next(self) -> list[Chunk]:
        """All pieces that are there, at least one; none at the end or when the client went away.

        Raises the error that ended the answer early, once everything before it was read.
        """
        while not self._waiting and not self._work.done():
            self._news.clear()
            await self._news.wait()
        pause = self._taken + _PAUSE - time.monotonic()
        if pause > 0.0 and not self._work.done() and self._crowded():
            await asyncio.wait((self._work,), timeout=pause)
        self._taken = time.monotonic()
        if not self._waiting and not self._work.cancelled():
            self._work.result()
        pieces, self._waiting = self._waiting, []
        return pieces

    async def close(self) -> None:
        """Stops the work, if it is still going on, and waits until it has let the engine go."""
        self._cancel_work()
        self._watch.cancel()
        await asyncio.wait([self._work, self._watch])
        if not self._work.cancelled():
            self._work.exception()  # nobody is left to be told

    async def _run(self, chunks: AsyncGenerator[Chunk]) -> None:
        async with aclosing(chunks):
            async for chunk in chunks:
                self._waiting.append(chunk)
                self._news.set()

    async def _stop_at_disconnect(self, http: HttpRequest) -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass
        self._cancel_work()

    def _cancel_work(self) -> None:
        """Once only: a second cancellation would break off the closing of the connection to the engine."""
        if not self._work.cancelling():
            self._work.cancel()
