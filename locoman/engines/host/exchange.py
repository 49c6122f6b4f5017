"""One HTTP exchange with llama.cpp on a connection of its own.

Why not httpx here: closing an httpx stream awaits, and a request that is cancelled just then leaves the connection open, with
llama.cpp still at work on an answer that nobody wants. Here closing is one plain call.
"""

from __future__ import annotations

import asyncio
from typing import cast

import h11

_PIECE = 1 << 16
_CONNECT_SECONDS = 10.0
_SLICE = 5.0


class Exchange:
    """A request that was sent and its response; `status` as in HTTP, `silence` the seconds without a byte to give up after.

    Errors: OSError, TimeoutError, h11's.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float) -> None:
        self._reader = reader
        self._writer = writer
        self.silence = silence
        self._http = h11.Connection(h11.CLIENT)
        self.status = 0

    @classmethod
    async def post(cls, address: tuple[str, int], path: str, key: str, body: bytes, silence: float) -> Exchange:
        """Sends a JSON body and waits for the head of the response; `silence`: seconds without a byte to give up after."""
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(*address)
        exchange = cls(reader, writer, silence)
        try:
            await exchange._send(path, [("Host", address[0]), ("Authorization", f"Bearer {key}")], body)
            event = await exchange._next()
            while isinstance(event, h11.InformationalResponse):
                event = await exchange._next()
            exchange.status = cast("h11.Response", event).status_code
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def read(self) -> bytes:
        """The next piece of the response's body; empty at its end."""
        event = await self._next()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def close(self) -> None:
        """Hangs up, at once and without waiting for anything."""
        self._writer.transport.abort()

    async def _send(self, path: str, headers: list[tuple[str, str]], body: bytes) -> None:
        headers = [*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        request = h11.Request(method="POST", target=path, headers=[*headers, ("Connection", "close")])
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(self.silence):
            await self._writer.drain()

    async def _next(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._receive())
        return cast("h11.Event", event)

    async def _receive(self) -> bytes:
        """What came; the silence is counted in slices, so that the time for which a machine was suspended is but one."""
        left = self.silence
        while True:
            try:
                async with asyncio.timeout(min(left, _SLICE)):
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                left -= _SLICE
                if left <= 0:
                    raise
