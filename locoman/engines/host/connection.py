"""uvicorn's HTTP/1.1 connection with limits on its patience."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol


def timed_connection(head_seconds: float, write_seconds: float) -> type[H11Protocol]:
    """A connection that is cut when a request's head takes too long to arrive, or nobody takes what we send."""

    class TimedConnection(H11Protocol):
        _head: asyncio.TimerHandle | None = None
        _writes: asyncio.TimerHandle | None = None
        _taken = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self._counted = _Counted(transport)
            super().connection_made(cast("asyncio.Transport", self._counted))
            self._await_head()
            self._watch_writes()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._head, self._writes):
                if timer is not None:
                    timer.cancel()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            """Starts the clock when a head is due, and stops it when it is here; uvicorn ends what is merely idle."""
            if self.cycle is not None and not self.cycle.response_complete:
                if self._head is not None:
                    self._head.cancel()
                    self._head = None
            elif self._head is None:
                self._head = self.loop.call_later(head_seconds, self.transport.abort)

        def _watch_writes(self) -> None:
            """Looks now and then whether anything of what waits to be sent was taken."""
            unsent = self.transport.get_write_buffer_size()
            taken = self._counted.given - unsent
            if unsent and taken == self._taken:
                self.transport.abort()
                return
            self._taken = taken
            self._writes = self.loop.call_later(write_seconds, self._watch_writes)

    return TimedConnection


class _Counted:
    """A transport that counts the bytes it is given."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.given = 0

    def write(self, data: bytes) -> None:
        self.given += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
