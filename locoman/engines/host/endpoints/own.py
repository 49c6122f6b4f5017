"""The endpoints of locoman's own commands, and those of whoever watches the host."""

from __future__ import annotations

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from locoman import __version__
from locoman.engines.host.endpoints.service import Service

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def own_routes(service: Service) -> list[Route]:
    """/health, /metrics and /locoman/v1."""

    async def health(http: HttpRequest) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "nonce": service.address.nonce})

    async def metrics(http: HttpRequest) -> Response:
        return PlainTextResponse(service.metrics.text(service.desk.state()), media_type=_PROMETHEUS)

    async def resident(http: HttpRequest) -> Response:
        return JSONResponse(msgspec.to_builtins(service.residency()))

    async def stop(http: HttpRequest) -> Response:
        service.liveness.stop()
        return JSONResponse({"status": "stopping"})

    return [
        Route("/health", service.open(health), methods=["GET"]),
        Route("/metrics", service.for_clients(metrics), methods=["GET"]),
        Route("/locoman/v1/resident", service.for_owner(resident), methods=["GET"]),
        Route("/locoman/v1/stop", service.for_owner(stop), methods=["POST"]),
    ]
