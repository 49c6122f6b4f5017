"""OpenAI's endpoints."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from locoman.engines.host.dialects.openai import AnswerWriter, model_document, models_document, read_call
from locoman.engines.host.dialects.reading import model_name
from locoman.engines.host.endpoints.service import Service
from locoman.engines.host.models import find_model, served_models


def openai_routes(service: Service) -> list[Route]:
    """What `/v1` offers."""
    created = int(service.address.started)

    async def models(http: HttpRequest) -> Response:
        found = served_models(await service.desk.lineups())
        return JSONResponse(models_document(tuple(model.name for model in found), created))

    async def model(http: HttpRequest) -> Response:
        asked = http.path_params["model"]
        name = model_name(asked)
        find_model(await service.desk.lineup(name), name)
        return JSONResponse(model_document(asked, created))

    async def chat(http: HttpRequest) -> Response:
        call = read_call(await service.body(http))
        return await service.answering.answer(http, call.request, AnswerWriter(call), call.stream)

    return [
        Route("/v1/models", service.for_clients(models), methods=["GET"]),
        Route("/v1/models/{model:path}", service.for_clients(model), methods=["GET"]),
        Route("/v1/chat/completions", service.for_clients(chat), methods=["POST"]),
    ]
