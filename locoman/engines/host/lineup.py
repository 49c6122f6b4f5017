"""What follows from a lineup for one request: who is meant, what must be loaded, how tokens are drawn."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from locoman.contracts import Sampling, ServedAdapter, ServedBase
from locoman.engines.host.launch import LaunchPlan
from locoman.errors import UnknownName
from locoman.names import ModelName, nearest


def adapter_named(base: ServedBase, name: str | None) -> ServedAdapter | None:
    """The adapter of that name, None if there is none (or `name` is None)."""
    return next((adapter for adapter in base.adapters if adapter.name == name), None)


def chosen_adapter(base: ServedBase, model: ModelName) -> ServedAdapter | None:
    """The adapter that `model` names; None for "auto" and "base". Raises UnknownName with the nearest names."""
    if model.base is not None and model.base.name != base.name:
        raise UnknownName("base", model.base.name, (base.name,))
    if model.adapter is None:
        return None
    adapter = adapter_named(base, model.adapter.name)
    if adapter is None:
        raise UnknownName("adapter", model.adapter.name, nearest(model.adapter.name, model_names(base)))
    if model.adapter.version is not None and str(model.adapter.version) != adapter.version:
        raise UnknownName("adapter", str(model.adapter), (f"{adapter.name}@{adapter.version}",))
    return adapter


def model_names(base: ServedBase) -> tuple[str, ...]:
    """What a client may put into `model`."""
    return ("auto", "base", *(adapter.name for adapter in base.adapters))


def loaded_names(base: ServedBase) -> tuple[str, ...]:
    """The adapters with weights, in the order in which llama.cpp numbers them."""
    return tuple(adapter.name for adapter in base.adapters if adapter.gguf is not None)


def launch_plan(base: ServedBase, threads: int, max_slots: int) -> LaunchPlan:
    """What must be in memory to serve `base`."""
    loras = tuple(adapter.gguf for adapter in base.adapters if adapter.gguf is not None)
    return LaunchPlan(
        model=str(base.gguf),
        chat_template=base.chat_template,
        context=base.context,
        slots=min(max_slots, 1 + len(base.adapters)),
        loras=tuple(str(path) for path in loras),
        threads=threads,
        contents=tuple(_content(path) for path in (base.gguf, *loras)),
    )


def _content(path: Path) -> tuple[int, int]:
    """What tells that a file was replaced; llama.cpp will complain about one that is missing."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)


def sampling_fields(base: ServedBase, asked: Sampling) -> dict[str, Any]:
    """llama.cpp's fields: what was asked for, else the base's default, else none (llama.cpp's own default holds)."""
    result: dict[str, Any] = {"stop": [*base.stop, *base.defaults.stop, *asked.stop]}
    for field in fields(Sampling):
        for sampling in (asked, base.defaults):
            value = getattr(sampling, field.name)
            if value is not None and field.name not in result:
                result[field.name] = value
    return result
