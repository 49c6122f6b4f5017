"""The host's HTTP side: the endpoints of every dialect behind one door."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import ASGIApp

from locoman.engines.host.audience import Audience
from locoman.engines.host.door import Door
from locoman.engines.host.endpoints.choosing import choosing_routes
from locoman.engines.host.endpoints.ollama import ollama_routes
from locoman.engines.host.endpoints.openai import openai_routes
from locoman.engines.host.endpoints.own import own_routes
from locoman.engines.host.endpoints.routing import deciding_routes
from locoman.engines.host.endpoints.service import Service
from locoman.engines.host.refusal import refusal
from locoman.errors import RequestRefused


def application(service: Service, audience: Audience) -> ASGIApp:
    """What uvicorn runs."""
    inner = Starlette(
        routes=[
            *own_routes(service),
            *openai_routes(service),
            *ollama_routes(service),
            *choosing_routes(service),
            *deciding_routes(service),
        ],
        exception_handlers={HTTPException: _unrouted},
    )
    return Door(inner, service.guard, audience)


async def _unrouted(http: HttpRequest, error: Exception) -> Response:
    """No such path, or not with this method."""
    assert isinstance(error, HTTPException)
    sentence = f"{http.method} {http.url.path[:200]}: {str(error.detail).lower()}."
    if http.url.path.startswith("/api/"):
        sentence += " Models are managed with the command locoman."
    return refusal(http.url.path, RequestRefused(error.status_code, sentence))
