"""/locoman/v1/choose: how probable given options are as the answer (contracts.Engine.choose)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, TypeVar

import msgspec
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from locoman.contracts import Message, Request
from locoman.engines.choosing import check_options
from locoman.engines.host.dialects.reading import conversation, decoded, model_name
from locoman.engines.host.endpoints.service import Service

T = TypeVar("T")


class _Body(msgspec.Struct):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    options: list[str]
    model: str = "auto"


def choosing_routes(service: Service) -> list[Route]:
    """The endpoint; it takes {model, messages, options} and answers {probabilities}, in the order of the options."""

    async def choose(http: HttpRequest) -> Response:
        body = decoded(await service.body(http), _Body)
        check_options(body.options)
        request = Request(conversation(body.messages), model_name(body.model))
        service.liveness.touch()
        try:
            chosen = await _while_connected(http, service.desk.choose(request, body.options))
        finally:
            service.liveness.touch()
        return JSONResponse({"probabilities": list(chosen)})

    return [Route("/locoman/v1/choose", service.for_clients(choose), methods=["POST"])]


async def _while_connected(http: HttpRequest, work: Coroutine[None, None, T]) -> T:
    """What `work` returns; it is stopped when the client goes away. Raises ClientDisconnect."""
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_gone(http))
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.wait([working, watching])


async def _gone(http: HttpRequest) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass
