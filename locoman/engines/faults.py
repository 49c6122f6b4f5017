"""Errors on their way over the wire: ours to OpenAI's error object in the host, and back into ours in the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from locoman.errors import (
    ContextExceeded,
    EngineBusy,
    EngineLost,
    EngineUnavailable,
    LocomanError,
    MissingPrerequisite,
    NothingInstalled,
    RequestRefused,
    UnknownName,
)

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as HTTP tells it. `facts` are the fields from which the client builds the same exception again."""

    status: int
    code: str
    message: str
    facts: dict[str, Any] = field(default_factory=dict)
    param: str | None = None

    def as_json(self) -> dict[str, Any]:
        """OpenAI's error document; `locoman` holds the facts."""
        kind = _TYPES.get(self.status) or ("invalid_request_error" if self.status < 500 else "server_error")
        error: dict[str, Any] = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        if self.facts:
            error["locoman"] = self.facts
        return {"error": error}


def fault_of(error: LocomanError) -> Fault:
    """How the host tells `error`."""
    text = str(error)
    match error:
        case UnknownName():
            named = {"kind": error.kind, "name": error.name, "nearest": list(error.nearest)}
            return Fault(404, "model_not_found", text, named, "model")
        case ContextExceeded():
            lengths = {"tokens": error.tokens, "limit": error.limit}
            return Fault(400, "context_length_exceeded", text, lengths, "messages")
        case EngineBusy():
            return Fault(429, "engine_busy", text, {"retry_after": error.retry_after})
        case RequestRefused():
            return Fault(error.status, "refused", text)
        case NothingInstalled():
            return Fault(503, "nothing_installed", text)
        case MissingPrerequisite():
            return Fault(503, "missing_prerequisite", text, {"remedy": error.remedy})
        case EngineLost():
            return Fault(502, "engine_lost", text)
        case EngineUnavailable():
            return Fault(503, "engine_unavailable", text)
        case _:
            return Fault(500, "failed", text)


class _Facts(msgspec.Struct):
    kind: str = "model"
    name: str = ""
    nearest: tuple[str, ...] = ()
    tokens: int = 0
    limit: int = 0
    retry_after: int = 1
    remedy: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    code: str | int | None = None
    locoman: _Facts = msgspec.field(default_factory=_Facts)


class _Document(msgspec.Struct):
    error: _Error


def error_of(status: int, document: object, model: str) -> LocomanError:
    """The exception that an error document of any OpenAI server stands for; `model` is what was asked for."""
    try:
        error = msgspec.convert(document, _Document).error
    except msgspec.ValidationError:
        error = _Error()
    facts = error.locoman
    match error.code:
        case "context_length_exceeded" if facts.limit:
            return ContextExceeded(facts.tokens, facts.limit)
        case "engine_busy":
            return EngineBusy(facts.retry_after)
        case "nothing_installed":
            return NothingInstalled()
        case "missing_prerequisite":
            return MissingPrerequisite(error.message, facts.remedy)
        case "engine_lost":
            return EngineLost(error.message)
        case "engine_unavailable":
            return EngineUnavailable(error.message)
    if error.code == "model_not_found" or status == 404:
        return UnknownName(facts.kind, facts.name or model, facts.nearest)
    return RequestRefused(status, error.message or f"The server answered with HTTP status {status}.")
