"""Reads what servers of OpenAI's dialect say of an answer: who gave it, its tokens and times, and the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locoman.contracts import Chunk, Served, Timing, Usage
from locoman.engines.wire import read_extension
from locoman.errors import EngineLost
from locoman.names import ModelName


def read_whole(document: object, model: ModelName) -> Iterator[Chunk]:
    """An answer that came in one piece, as the chunks of a stream. Raises EngineLost for what is none."""
    try:
        if not isinstance(document, dict):
            raise TypeError
        choice = document["choices"][0]
        text, reason = choice["message"].get("content") or "", choice.get("finish_reason")
        usage = read_usage(document.get("usage"))
        timing = _timing(document.get("timings"))
        extension = read_extension(document.get("locoman", {}))
        served = extension.served or served_by(model, document)
        if not isinstance(text, str):
            raise TypeError
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise EngineLost("The engine sent something that is not an answer.") from error
    yield Chunk(served=served)
    if text:
        yield Chunk(text=text)
    yield Chunk(
        finish="length" if reason == "length" else "stop",
        timing=extension.timing or timing,
        usage=extension.usage or usage,
    )


def served_by(model: ModelName, event: dict[str, Any]) -> Served:
    """Who serves, for a server that does not say so: whoever was asked for."""
    adapter = str(model.adapter) if model.adapter is not None else None
    base = str(model.base) if model.base is not None else str(event.get("model", ""))
    return Served(adapter, base, "openai", 1.0, "asked")


def read_usage(document: dict[str, Any] | None) -> Usage | None:
    if not document:
        return None
    cached = (document.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Usage(document["prompt_tokens"], cached, document["completion_tokens"])


def _timing(timings: object) -> Timing | None:
    """What llama.cpp's own server tells of its times; None where it is another."""
    if not isinstance(timings, dict):
        return None
    first, rest = float(timings["prompt_ms"]), float(timings["predicted_ms"])
    return Timing(ttft_ms=first, total_ms=first + rest, tokens_per_second=float(timings["predicted_per_second"]))
