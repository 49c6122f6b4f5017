"""Models as Ollama's /api/tags, /api/show and /api/ps describe them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from locoman.contracts import ResidentBase, ServedBase
from locoman.engines.host.dialects.go_times import timestamp
from locoman.engines.host.models import BaseFacts, ServedModel

API_VERSION = "0.33.0"
"""The version of Ollama whose API this is; clients compare it with the one they need."""
_NEVER = timedelta(days=365 * 200)


def listed_name(model: ServedModel) -> str:
    """With the tag that Ollama shows for a model without one: clients look for it."""
    return f"{model.name}:latest"


def tags_document(models: Sequence[tuple[ServedModel, BaseFacts]]) -> dict[str, Any]:
    """The answer of /api/tags."""
    return {
        "models": [
            {
                **_identity(model),
                "modified_at": timestamp(model.modified),
                "size": model.bytes,
                "details": _details(model, facts),
                "capabilities": ["completion"],
            }
            for model, facts in models
        ]
    }


def show_document(model: ServedModel, facts: BaseFacts) -> dict[str, Any]:
    """The answer of /api/show."""
    system = model.adapter.system if model.adapter is not None else ""
    return {
        "modelfile": _modelfile(model),
        "parameters": "\n".join(f"{name:<30} {value}" for name, value in _parameters(model.base)),
        "template": model.base.chat_template,
        **({"system": system} if system else {}),
        "details": _details(model, facts),
        "model_info": {**facts.metadata, "general.parameter_count": facts.parameters},
        "capabilities": ["completion"],
        "modified_at": timestamp(model.modified),
    }


def ps_document(
    models: Sequence[tuple[ServedModel, BaseFacts]], resident: ResidentBase, until: float | None
) -> list[Any]:
    """The entries of /api/ps for one base in memory; `until` in seconds since 1970.

    Its models share one copy of the base, so the memory is told once, with the first of them.
    """
    expires = datetime.now(UTC) + _NEVER if until is None else datetime.fromtimestamp(until, UTC)
    return [
        {
            **_identity(model),
            "size": resident.bytes if number == 0 else 0,
            "size_vram": 0,
            "details": _details(model, facts),
            "expires_at": timestamp(expires),
            "context_length": model.base.context,
        }
        for number, (model, facts) in enumerate(models)
    ]


def _identity(model: ServedModel) -> dict[str, str]:
    return {"name": listed_name(model), "model": listed_name(model), "digest": model.digest}


def _details(model: ServedModel, facts: BaseFacts) -> dict[str, Any]:
    return {
        "parent_model": "" if model.adapter is None else model.base.name,
        "format": "gguf",
        "family": facts.architecture,
        "families": [facts.architecture],
        "parameter_size": _parameter_size(facts.parameters),
        "quantization_level": facts.quantization,
        "context_length": model.base.context,
    }


def _parameter_size(count: int) -> str:
    """As Ollama writes it: "4.0B", "494.03M"."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f}B"
    return f"{count / 1e6:.2f}M" if count >= 1_000_000 else f"{count / 1e3:.2f}K"


def _parameters(base: ServedBase) -> list[tuple[str, str]]:
    defaults = base.defaults
    values = {
        "temperature": defaults.temperature,
        "top_p": defaults.top_p,
        "top_k": defaults.top_k,
        "num_predict": defaults.max_tokens,
    }
    told = [(name, f"{value:g}") for name, value in values.items() if value is not None]
    return [*told, *(("stop", f'"{stop}"') for stop in base.stop)]


def _modelfile(model: ServedModel) -> str:
    """What a Modelfile would say, with names in place of this machine's paths."""
    lines = ["# Served by locoman", f"FROM {model.base.name}"]
    if model.adapter is not None and model.adapter.gguf is not None:
        lines.append(f"ADAPTER {model.adapter.name}@{model.adapter.version}")
    lines += [f"PARAMETER {name} {value}" for name, value in _parameters(model.base)]
    return "\n".join(lines) + "\n"
