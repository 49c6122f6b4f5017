"""What every endpoint works with."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from locoman.contracts import Load, Residency
from locoman.engines.host.answering import Answering
from locoman.engines.host.desk import Desk
from locoman.engines.host.files import HostAddress
from locoman.engines.host.guard import Guard, read_body
from locoman.engines.host.liveness import Liveness
from locoman.engines.host.metrics import Metrics
from locoman.engines.host.options import HostOptions
from locoman.engines.host.refusal import refusal
from locoman.errors import LocomanError

Handler = Callable[[HttpRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one host, and what wraps its endpoints."""

    desk: Desk
    address: HostAddress
    liveness: Liveness
    metrics: Metrics
    answering: Answering
    guard: Guard
    options: HostOptions

    def open(self, handler: Handler) -> Handler:
        """`handler`, for everybody; a LocomanError becomes an error document."""

        async def answered(http: HttpRequest) -> Response:
            try:
                return await handler(http)
            except LocomanError as error:
                return refusal(http.url.path, error)
            except ClientDisconnect:
                return Response(status_code=499)

        return answered

    def for_clients(self, handler: Handler) -> Handler:
        """`handler`, for callers with a key, if one is needed."""

        async def checked(http: HttpRequest) -> Response:
            self.guard.check_client(http.headers)
            return await handler(http)

        return self.open(checked)

    def for_owner(self, handler: Handler) -> Handler:
        """`handler`, for the user whose host this is."""

        async def checked(http: HttpRequest) -> Response:
            self.guard.check_owner(http.headers)
            return await handler(http)

        return self.open(checked)

    async def body(self, http: HttpRequest) -> bytes:
        """The request's body. Raises RequestRefused (408, 413)."""
        return await read_body(http, self.options.max_body_bytes, self.options.body_seconds)

    def residency(self) -> Residency:
        """What is in memory, until when, and how busy it is."""
        idle_until = None if self.desk.busy else self.liveness.idle_until(time.time())
        state = self.desk.state()
        load = Load(
            answering=state.answering,
            waiting=state.waiting,
            slots=state.slots,
            owned=state.owned,
            requests=self.metrics.requests,
            tokens_per_second=self.metrics.tokens_per_second,
        )
        return Residency("host", self.address.url, self.address.started, idle_until, state.bases, load)
