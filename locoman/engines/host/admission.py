"""Who may speak with the engine: one at a time, in the order of arrival, and not too many waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from locoman.errors import EngineBusy


class Turnstile:
    """Lets one request through at a time; with `limit` requests waiting the next is turned away."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = asyncio.Lock()
        self._inside = 0
        self._typical_seconds = 1.0

    @property
    def busy(self) -> bool:
        """Whether anybody is inside or waiting."""
        return self._inside > 0

    @property
    def inside(self) -> int:
        """Requests that are inside or wait."""
        return self._inside

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for the turn and holds it. Raises EngineBusy."""
        if self._inside > self._limit:
            raise EngineBusy(max(1, round(self._inside * self._typical_seconds)))
        self._inside += 1
        try:
            async with self._lock:
                loop = asyncio.get_running_loop()
                begun = loop.time()
                yield
                self._typical_seconds += 0.2 * (loop.time() - begun - self._typical_seconds)
        finally:
            self._inside -= 1
