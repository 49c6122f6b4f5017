"""What stands before every endpoint: who may call at all, what browsers need, and the access log."""

from __future__ import annotations

import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from locoman.engines.host.audience import Access, Audience
from locoman.engines.host.guard import Guard
from locoman.engines.host.refusal import refusal
from locoman.errors import RequestRefused

_SHOWN = 120
"""Characters of a path in the log."""


class Door:
    """An ASGI application around another."""

    def __init__(self, inner: ASGIApp, guard: Guard, audience: Audience) -> None:
        self._inner = inner
        self._guard = guard
        self._audience = audience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, and tells the audience when that is over, however it ends."""
        if scope["type"] != "http":
            return
        visit = _Visit(scope, send)
        try:
            await self._app_for(scope)(scope, receive, visit.send)
        finally:
            self._audience.accessed(visit.access())

    def _app_for(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        try:
            self._guard.check_caller(headers)
        except RequestRefused as error:
            return refusal(scope["path"], error)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            asked = headers.get("access-control-request-headers", "authorization, content-type")
            allowed = {"Access-Control-Allow-Methods": "GET, POST, HEAD", "Access-Control-Allow-Headers": asked}
            return Response(status_code=204, headers=allowed)
        return self._inner


class _Visit:
    """One request on its way: lets pages that may ask read the answer, and counts what is sent."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._begun = time.monotonic()
        self._origin = Headers(scope=scope).get("origin")
        self._status = 499  # the client went away before there was an answer
        self._bytes = 0

    async def send(self, message: Message) -> None:
        """Sends, with the headers for the page that asks."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if self._origin is not None and self._status != 403:
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = self._origin
                headers.add_vary_header("Origin")
        self._bytes += len(message.get("body", b""))
        await self._send(message)

    def access(self) -> Access:
        """What the log says."""
        client = self._scope.get("client")
        path = "".join(letter if letter.isprintable() else "?" for letter in self._scope["path"][:_SHOWN])
        milliseconds = (time.monotonic() - self._begun) * 1000.0
        method = self._scope["method"][:10]
        return Access(client[0] if client else "-", method, path, self._status, milliseconds, self._bytes)
