"""What follows from a lineup for one request: who is meant, what must be loaded, how tokens are drawn."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from locoman.contracts import Lineup, LineupSource, Sampling, ServedAdapter, ServedBase
from locoman.engines.host.plan import LaunchPlan
from locoman.errors import UnknownName
from locoman.names import ModelName, nearest


def adapter_named(base: ServedBase, name: str | None) -> ServedAdapter | None:
    """The adapter of that name, None if there is none (or `name` is None)."""
    return next((adapter for adapter in base.adapters if adapter.name == name), None)


def chosen_adapter(base: ServedBase, model: ModelName) -> ServedAdapter | None:
    """The adapter that `model` names; None for "auto" and "base". Raises UnknownName with the nearest names."""
    if model.adapter is None:
        return None
    adapter = adapter_named(base, model.adapter.name)
    if adapter is None:
        raise UnknownName("adapter", model.adapter.name, nearest(model.adapter.name, model_names(base)))
    if model.adapter.version is not None and str(model.adapter.version) != adapter.version:
        raise UnknownName("adapter", str(model.adapter), (f"{adapter.name}@{adapter.version}",))
    return adapter


def lineup_of(source: LineupSource, base: str | None, adapter: str | None) -> Lineup:
    """The lineup on which `adapter` answers (None = the plain base), asked for on `base` (None = the one in use).

    Raises what LineupSource.current raises.
    """
    lineup = source.current(base)
    other = lineup.elsewhere.get(adapter) if adapter is not None else None
    return lineup if other is None else source.current(other)


def model_names(base: ServedBase) -> tuple[str, ...]:
    """What a client may put into `model`."""
    return ("auto", "base", *(adapter.name for adapter in base.adapters))


def owner_of(adapter: ServedAdapter | None) -> tuple[str, float] | None:
    """Whose weights answer: the file and scale of an adapter, None for the plain base and whoever has none of their own."""
    return None if adapter is None or adapter.gguf is None else (str(adapter.gguf), adapter.scale)


def lora_list(plan: LaunchPlan, owner: tuple[str, float] | None) -> list[dict[str, float]]:
    """llama.cpp's `lora` for a request: every loaded adapter by its number, all off but the owner's."""
    path, scale = owner or ("", 0.0)
    return [{"id": number, "scale": scale if lora.path == path else 0.0} for number, lora in enumerate(plan.loras)]


def loaded_names(base: ServedBase) -> tuple[str, ...]:
    """The adapters with weights."""
    return tuple(adapter.name for adapter in base.adapters if adapter.gguf is not None)


def resident_names(base: ServedBase, plan: LaunchPlan) -> tuple[str, ...]:
    """The adapters of `base` whose weights are in memory."""
    loaded = {lora.path for lora in plan.loras}
    return tuple(adapter.name for adapter in base.adapters if str(adapter.gguf) in loaded)


def sampling_fields(base: ServedBase, asked: Sampling) -> dict[str, Any]:
    """llama.cpp's fields: what was asked for, else the base's default, else none (llama.cpp's own default holds)."""
    result: dict[str, Any] = {"stop": [*base.stop, *base.defaults.stop, *asked.stop]}
    for field in fields(Sampling):
        for sampling in (asked, base.defaults):
            value = getattr(sampling, field.name)
            if value is not None and field.name not in result:
                result[field.name] = value
    return result
