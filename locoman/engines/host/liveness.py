"""How long a host lives: until it is told to stop, or nobody has asked anything for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Liveness:
    """Times in seconds; `keep_alive` None means for ever, and less than one is one: somebody is about to ask."""

    def __init__(self, keep_alive: float | None) -> None:
        self._keep_alive = None if keep_alive is None else max(1.0, keep_alive)
        self._touched = time.monotonic()
        self._stopped = asyncio.Event()

    def touch(self) -> None:
        """Somebody asks, or has just been answered."""
        self._touched = time.monotonic()

    def stop(self) -> None:
        """Ends the wait in `until_end`."""
        self._stopped.set()

    def idle_until(self, now: float) -> float | None:
        """When the host would end if nobody asked any more, on the clock of `now`."""
        return None if self._keep_alive is None else now + self._left(self._keep_alive)

    async def until_end(self, busy: Callable[[], bool]) -> None:
        """Returns when the host has to end."""
        while not self._stopped.is_set():
            left = None if self._keep_alive is None else self._left(self._keep_alive)
            if left is not None and busy():
                left = self._keep_alive
            elif left == 0.0:
                return
            try:
                await asyncio.wait_for(self._stopped.wait(), left)
            except TimeoutError:
                continue

    def _left(self, keep_alive: float) -> float:
        return max(0.0, self._touched + keep_alive - time.monotonic())
