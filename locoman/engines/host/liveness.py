"""How long a host keeps what it has in memory: until it is told to stop, or nobody has asked anything for a while."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

_LEAST = 1.0
"""Seconds: even with keep_alive 0 somebody may be about to ask."""
_POLL = 1.0


class Liveness:
    """Times in seconds; `keep_alive` None means for ever. A request may bring a keep_alive of its own, as in Ollama."""

    def __init__(self, keep_alive: float | None) -> None:
        self._default = keep_alive
        self._keep_alive = keep_alive
        self._touched = time.monotonic()
        self._stopped = False
        self._news = asyncio.Event()

    def touch(self, keep_alive: float | None = None) -> None:
        """Somebody asks, or has just been answered; from now on `keep_alive` counts, None being the host's own."""
        self._touched = time.monotonic()
        self._keep_alive = self._default if keep_alive is None else keep_alive
        self._news.set()

    def stop(self) -> None:
        """Ends the wait in `until_idle`."""
        self._stopped = True
        self._news.set()

    def idle_until(self, now: float) -> float | None:
        """When the time would be up if nobody asked any more, on the clock of `now`."""
        left = self._left()
        return None if left is None else now + left

    async def until_idle(self, busy: Callable[[], bool]) -> bool:
        """Waits until the time is up (True), which it is but once after each touch, or the host is to stop (False)."""
        while not self._stopped:
            self._news.clear()
            left = self._left()
            if left == 0.0 and not busy():
                self._keep_alive = math.inf
                return True
            try:
                await asyncio.wait_for(self._news.wait(), _POLL if busy() else left)
            except TimeoutError:
                continue
        return False

    def _left(self) -> float | None:
        if self._keep_alive is None or math.isinf(self._keep_alive):
            return None
        return max(0.0, self._touched + max(_LEAST, self._keep_alive) - time.monotonic())
