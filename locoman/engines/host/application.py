"""The host's HTTP side: OpenAI's endpoints for every client, /locoman/v1 for locoman's own commands."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from locoman import __version__
from locoman.contracts import Chunk, Residency
from locoman.engines.faults import Fault, fault_of
from locoman.engines.host.desk import Desk
from locoman.engines.host.dialect import AnswerWriter, models_document, read_call
from locoman.engines.host.files import HostAddress
from locoman.engines.host.guard import check_caller, check_key, read_body
from locoman.engines.host.lineup import model_names
from locoman.engines.host.liveness import Liveness
from locoman.engines.host.pump import Pump
from locoman.errors import LocomanError, RequestRefused

Handler = Callable[[HttpRequest], Awaitable[Response]]


class Application:
    """The endpoints of one host; `asgi` is what uvicorn runs."""

    def __init__(self, desk: Desk, address: HostAddress, liveness: Liveness) -> None:
        self._desk = desk
        self._address = address
        self._liveness = liveness
        self.asgi = Starlette(
            routes=[
                Route("/health", self._open(self._health), methods=["GET"]),
                Route("/v1/models", self._keyed(self._models), methods=["GET"]),
                Route("/v1/chat/completions", self._keyed(self._chat), methods=["POST"]),
                Route("/locoman/v1/resident", self._keyed(self._resident), methods=["GET"]),
                Route("/locoman/v1/stop", self._keyed(self._stop), methods=["POST"]),
            ],
            exception_handlers={HTTPException: _unrouted},
        )

    async def _health(self, http: HttpRequest) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "nonce": self._address.nonce})

    async def _models(self, http: HttpRequest) -> Response:
        lineup = await self._desk.lineup()
        return JSONResponse(models_document(model_names(lineup.base), int(self._address.started)))

    async def _resident(self, http: HttpRequest) -> Response:
        idle_until = None if self._desk.busy else self._liveness.idle_until(time.time())
        residency = Residency("host", self._address.url, self._address.started, idle_until, self._desk.resident())
        return JSONResponse(msgspec.to_builtins(residency))

    async def _stop(self, http: HttpRequest) -> Response:
        self._liveness.stop()
        return JSONResponse({"status": "stopping"})

    async def _chat(self, http: HttpRequest) -> Response:
        call = read_call(await read_body(http))
        self._liveness.touch()
        pump = Pump(self._desk.answer(call.request), http)
        try:
            first = await pump.next()  # so that an error before the answer has a status of its own
            if not first:
                raise ClientDisconnect
            writer = AnswerWriter(call)
            if call.stream:
                return StreamingResponse(self._stream(writer, first, pump), media_type="text/event-stream")
            chunks = first
            while more := await pump.next():
                chunks += more
            if chunks[-1].finish is None:
                raise ClientDisconnect
        except BaseException:
            await pump.close()
            raise
        await pump.close()
        self._liveness.touch()
        return JSONResponse(writer.whole(chunks))

    async def _stream(self, writer: AnswerWriter, first: list[Chunk], pump: Pump) -> AsyncIterator[bytes]:
        """The answer as server-sent events; an error after the first one is an event too, and no [DONE] follows it."""
        try:
            chunks = first
            while chunks:
                yield b"".join(_sse(event) for chunk in chunks for event in writer.events(chunk))
                chunks = await pump.next()
            yield b"data: [DONE]\n\n"
        except LocomanError as error:
            yield _sse(fault_of(error).as_json())
        finally:
            await pump.close()
            self._liveness.touch()

    def _keyed(self, handler: Handler) -> Handler:
        """`handler`, for callers with the key."""

        async def checked(http: HttpRequest) -> Response:
            check_key(http, self._address.key)
            return await handler(http)

        return self._open(checked)

    def _open(self, handler: Handler) -> Handler:
        """`handler`, for callers on this machine; LocomanError becomes OpenAI's error document."""

        async def answered(http: HttpRequest) -> Response:
            try:
                check_caller(http)
                return await handler(http)
            except LocomanError as error:
                return _told(fault_of(error))
            except ClientDisconnect:
                return Response(status_code=499)

        return answered


async def _unrouted(http: HttpRequest, error: Exception) -> Response:
    """No such path, or not with this method."""
    assert isinstance(error, HTTPException)
    return _told(fault_of(RequestRefused(error.status_code, f"{http.method} {http.url.path}: {error.detail}.")))


def _told(fault: Fault) -> Response:
    headers = {"Retry-After": str(fault.facts["retry_after"])} if "retry_after" in fault.facts else {}
    if fault.status == 413:
        headers["Connection"] = "close"  # the rest of the body is not read
    return JSONResponse(fault.as_json(), fault.status, headers)


def _sse(document: object) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
