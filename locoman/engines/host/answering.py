"""An answer on its way to a client, in whatever dialect: streamed or whole, stopped when nobody listens any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse

from locoman.contracts import Chunk, Request
from locoman.engines.faults import Fault, fault_of
from locoman.engines.host.desk import Desk
from locoman.engines.host.liveness import Liveness
from locoman.engines.host.metrics import Metrics
from locoman.engines.host.pump import Pump
from locoman.errors import LocomanError

_CROWD = 4
"""Answers at a time up to which each token is sent as it comes."""


class Writer(Protocol):
    """Writes one answer in a dialect."""

    media_type: str
    """Of a stream."""

    def piece(self, chunk: Chunk) -> bytes:
        """The part of a stream for one chunk; may be empty."""
        ...

    def end(self) -> bytes:
        """What closes a stream."""
        ...

    def fault(self, fault: Fault) -> bytes:
        """What closes a stream that broke."""
        ...

    def whole(self, chunks: list[Chunk]) -> dict[str, Any]:
        """The document of an answer that is not streamed."""
        ...


class Answering:
    """Takes questions to the desk and answers to the clients."""

    def __init__(self, desk: Desk, liveness: Liveness, metrics: Metrics) -> None:
        self._desk = desk
        self._liveness = liveness
        self._metrics = metrics

    async def answer(
        self, http: HttpRequest, request: Request, writer: Writer, stream: bool, keep_alive: float | None = None
    ) -> Response:
        """The response to `request`; `keep_alive` as in Liveness.touch. Raises what Desk.answer raises."""
        self._liveness.touch(keep_alive)
        pump = Pump(self._metrics.observed(request, self._desk.answer(request)), http, self._crowded)
        try:
            first = await pump.next()  # so that an error before the answer has a status of its own
            if not first:
                raise ClientDisconnect
            if stream:
                pieces = self._stream(writer, first, pump, keep_alive)
                return StreamingResponse(pieces, media_type=writer.media_type, headers={"Cache-Control": "no-cache"})
            chunks = first
            while more := await pump.next():
                chunks += more
            if chunks[-1].finish is None:
                raise ClientDisconnect
        except BaseException:
            await self._over(pump, keep_alive)
            raise
        await self._over(pump, keep_alive)
        return JSONResponse(writer.whole(chunks))

    async def _stream(
        self, writer: Writer, first: list[Chunk], pump: Pump, keep_alive: float | None
    ) -> AsyncIterator[bytes]:
        """The parts of the answer; an error after the first is a part too, and no end follows it."""
        try:
            chunks = first
            while chunks:
                yield b"".join(writer.piece(chunk) for chunk in chunks)
                chunks = await pump.next()
            yield writer.end()
        except LocomanError as error:
            yield writer.fault(fault_of(error))
        finally:
            await self._over(pump, keep_alive)

    def _crowded(self) -> bool:
        return self._desk.answering > _CROWD

    async def _over(self, pump: Pump, keep_alive: float | None) -> None:
        await pump.close()
        self._liveness.touch(keep_alive)
