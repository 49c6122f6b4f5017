"""An answer made in a task of its own: a slow reader does not hold the engine, one that went away stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request as HttpRequest

from locoman.contracts import Chunk
from locoman.errors import LocomanError


class Pump:
    """Runs `chunks` to its end and keeps what came (an answer is at most a context long) until it is read."""

    def __init__(self, chunks: AsyncGenerator[Chunk], http: HttpRequest) -> None:
        self._queue: asyncio.Queue[Chunk | LocomanError | None] = asyncio.Queue()
        self._work = asyncio.create_task(self._run(chunks))
        self._watch = asyncio.create_task(self._stop_at_disconnect(http))

    async def next(self) -> Chunk | None:
        """The next piece; None at the end or when the client went away. Raises what ended the answer early."""
        item = await self._queue.get()
        if isinstance(item, LocomanError):
            raise item
        return item

    async def close(self) -> None:
        """Stops the work, if it is still going on, and waits until it has let the engine go."""
        self._work.cancel()
        self._watch.cancel()
        await asyncio.wait([self._work, self._watch])

    async def _run(self, chunks: AsyncGenerator[Chunk]) -> None:
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    self._queue.put_nowait(chunk)
        except LocomanError as error:
            self._queue.put_nowait(error)
        finally:
            self._queue.put_nowait(None)

    async def _stop_at_disconnect(self, http: HttpRequest) -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass
        self._work.cancel()
