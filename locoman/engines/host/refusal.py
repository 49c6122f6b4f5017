"""An error as an HTTP response, in the dialect of the path that was asked."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from locoman.engines.faults import fault_of
from locoman.engines.host.dialects.ollama import error_document
from locoman.errors import LocomanError

_LINGER = 1.0
"""Seconds in which what a client still sends is thrown away, so that it comes to read why it was refused."""


def refusal(path: str, error: LocomanError) -> JSONResponse:
    """The response that tells `error`."""
    fault = fault_of(error)
    document = error_document(fault) if speaks_ollama(path) else fault.as_json()
    headers = {"Retry-After": str(fault.facts["retry_after"])} if "retry_after" in fault.facts else {}
    if fault.status in (408, 413):
        return _Closing(document, fault.status, {**headers, "Connection": "close"})
    return JSONResponse(document, fault.status, headers)


def speaks_ollama(path: str) -> bool:
    """Whether the clients of this path speak Ollama's dialect."""
    return path.startswith("/api/")


class _Closing(JSONResponse):
    """The last response on a connection whose request was not read to its end.

    Hanging up at once would reset the connection, and the client might never see the response.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b""})
