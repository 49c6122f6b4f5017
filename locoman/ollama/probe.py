"""What a server can do: by its version, and by a harmless question where the version does not tell."""

from __future__ import annotations

from dataclasses import replace

from locoman.errors import OllamaRefused
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.strategies.making import refused_adapters

_NOWHERE = NewModel("locoman-probe", adapters={"adapter.gguf": f"sha256:{'0' * 64}"})
"""A model of nothing with an adapter: no server makes it. One that takes no adapters says so; others miss the base."""


def find_capabilities(api: OllamaApi) -> Capabilities:
    """What the server at hand can do. Raises OllamaUnavailable, OllamaRefused."""
    able = api.capabilities()
    if able.known:
        return able
    try:
        api.create(_NOWHERE)
    except OllamaRefused as error:
        if error.status != 400:
            raise
        return replace(able, adapters_at_create=not refused_adapters(error))
    return able
