"""/locoman/v1/route: who would answer. So `locoman route` needs neither the router nor its encoder in its own process."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from locoman.contracts import Message, Request
from locoman.engines.host.dialects.reading import conversation, decoded
from locoman.engines.host.endpoints.service import Service
from locoman.engines.host.routing_client import ROUTE_PATH
from locoman.names import AUTO


class _Body(msgspec.Struct):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]


def deciding_routes(service: Service) -> list[Route]:
    """The endpoint; it takes {messages} and answers with the contracts.Decision."""

    async def route(http: HttpRequest) -> Response:
        body = decoded(await service.body(http), _Body)
        decision = await service.desk.route(Request(conversation(body.messages), AUTO))
        return JSONResponse(msgspec.to_builtins(decision))

    return [Route(ROUTE_PATH, service.for_clients(route), methods=["POST"])]
