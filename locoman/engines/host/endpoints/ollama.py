"""Ollama's endpoints: those that ask, and those that tell what could be asked. Models are installed with locoman alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from locoman import __version__
from locoman.engines.host.dialects.ollama import AnswerWriter, OllamaCall, read_chat, read_generate, read_named
from locoman.engines.host.dialects.ollama_models import API_VERSION, ps_document, show_document, tags_document
from locoman.engines.host.dialects.reading import model_name
from locoman.engines.host.endpoints.service import Handler, Service
from locoman.engines.host.models import BaseFacts, FactsReader, ServedModel, find_model, served_models


def ollama_routes(service: Service) -> list[Route]:
    """What `/` and `/api` offer."""
    reader = FactsReader()

    async def facts_of(model: ServedModel) -> BaseFacts:
        return await asyncio.to_thread(reader.facts, model.base.gguf)

    async def root(http: HttpRequest) -> Response:
        return PlainTextResponse("Ollama is running")  # the very words by which clients know it

    async def version(http: HttpRequest) -> Response:
        return JSONResponse({"version": API_VERSION, "locoman": __version__})

    async def tags(http: HttpRequest) -> Response:
        models = served_models(await service.desk.lineups())
        return JSONResponse(tags_document([(model, await facts_of(model)) for model in models]))

    async def show(http: HttpRequest) -> Response:
        name = model_name(read_named(await service.body(http)))
        model = find_model(await service.desk.lineup(name), name)
        return JSONResponse(show_document(model, await facts_of(model)))

    async def pull(http: HttpRequest) -> Response:
        """What is served is here already; the command line asks for what is not, and is told the nearest names."""
        name = model_name(read_named(await service.body(http)))
        find_model(await service.desk.lineup(name), name)
        return Response(json.dumps({"status": "success"}) + "\n", media_type="application/x-ndjson")

    async def ps(http: HttpRequest) -> Response:
        resident = service.residency()
        entries = []
        for base in resident.bases:
            models = [model for model in served_models(await service.desk.lineups()) if model.base.name == base.name]
            known = [(model, await facts_of(model)) for model in models if _in_memory(model, base.adapters)]
            entries += ps_document(known, base, resident.idle_until)
        return JSONResponse({"models": entries})

    def asks(read: Callable[[bytes], OllamaCall]) -> Handler:
        async def ask(http: HttpRequest) -> Response:
            call = read(await service.body(http))
            writer = AnswerWriter(call)
            if call.messages:
                return await service.answering.answer(http, call.request, writer, call.stream, call.keep_alive)
            if call.keep_alive == 0.0:
                find_model(await service.desk.lineup(call.model), call.model)
                service.liveness.touch(0.0)
                return JSONResponse(writer.nothing("unload"))
            service.liveness.touch(call.keep_alive)
            await service.desk.load(call.model)
            service.liveness.touch(call.keep_alive)
            return JSONResponse(writer.nothing("load"))

        return service.for_clients(ask)

    return [
        Route("/", service.open(root), methods=["GET"]),
        Route("/api/version", service.open(version), methods=["GET"]),
        Route("/api/tags", service.for_clients(tags), methods=["GET"]),
        Route("/api/show", service.for_clients(show), methods=["POST"]),
        Route("/api/pull", service.for_clients(pull), methods=["POST"]),
        Route("/api/ps", service.for_clients(ps), methods=["GET"]),
        Route("/api/chat", asks(read_chat), methods=["POST"]),
        Route("/api/generate", asks(read_generate), methods=["POST"]),
    ]


def _in_memory(model: ServedModel, loaded: tuple[str, ...]) -> bool:
    """Whether nothing has to be loaded for it; "auto" is no model of its own."""
    if model.name == "auto":
        return False
    return model.adapter is None or model.adapter.gguf is None or model.name in loaded
