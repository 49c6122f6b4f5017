"""OpenAI's dialect: reads a chat completion request, writes answers, pieces of answers, models and errors."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Literal

import msgspec

from locoman.contracts import Chunk, Message, Request, Sampling, Usage
from locoman.engines.faults import Fault
from locoman.engines.host.dialects.reading import (
    Count,
    Seed,
    Share,
    Stops,
    conversation,
    decoded,
    model_name,
    refuse,
    stops,
)
from locoman.engines.wire import Extension
from locoman.errors import RequestRefused

_Heat = Annotated[float, msgspec.Meta(ge=0.0, le=2.0)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2.0, le=2.0)]


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Turn(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]

    def message(self) -> Message:
        if isinstance(self.content, list) and any(part.type != "text" for part in self.content):
            raise RequestRefused(400, "Only text can be asked about, no images, sound or files.")
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message("system" if self.role == "developer" else self.role, text)


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Ours(msgspec.Struct):
    serial: bool = False


class _Format(msgspec.Struct):
    type: str = "text"


class _Body(msgspec.Struct):
    messages: Annotated[list[_Turn], msgspec.Meta(min_length=1)]
    model: str = "auto"
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: _Heat | None = None
    top_p: Share | None = None
    top_k: Count | None = None
    seed: Seed | None = None
    stop: str | Stops | None = None
    n: int | None = 1
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    response_format: _Format | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    min_p: Share | None = None
    repeat_penalty: Annotated[float, msgspec.Meta(gt=0.0, le=10.0)] | None = None
    logit_bias: dict[str, float] | None = None
    locoman: _Ours | None = None

    def unsupported(self) -> dict[str, bool]:
        """What is not here, and whether it is asked for."""
        return {
            "n": self.n not in (None, 1),
            "tools": bool(self.tools),
            "functions": bool(self.functions),
            "logprobs": bool(self.logprobs),
            "response_format": self.response_format is not None and self.response_format.type != "text",
            "logit_bias": bool(self.logit_bias),
        }


class ChatCall(msgspec.Struct, frozen=True):
    """A request and how its answer is to be written."""

    request: Request
    model: str
    stream: bool
    include_usage: bool


def read_call(data: bytes) -> ChatCall:
    """Raises RequestRefused (400) for what is no request, UnknownName for a model that cannot exist."""
    body = decoded(data, _Body)
    refuse(body.unsupported())
    messages = conversation([turn.message() for turn in body.messages])
    sampling = Sampling(
        max_tokens=body.max_completion_tokens or body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        seed=body.seed,
        stop=stops(body.stop),
        min_p=body.min_p,
        repeat_penalty=body.repeat_penalty,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
    )
    usage = body.stream_options is not None and body.stream_options.include_usage
    serial = body.locoman is not None and body.locoman.serial
    request = Request(messages, model_name(body.model), sampling, serial)
    return ChatCall(request, body.model, bool(body.stream), usage)


class AnswerWriter:
    """Writes one answer; all its documents share an id, a time and the model's name."""

    media_type = "text/event-stream"

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time())}
        self._begun = False

    def piece(self, chunk: Chunk) -> bytes:
        """The stream's events for one chunk."""
        return b"".join(_sse(event) for event in self.events(chunk))

    def end(self) -> bytes:
        """What closes a whole stream."""
        return b"data: [DONE]\n\n"

    def fault(self, fault: Fault) -> bytes:
        """What closes a stream that broke; no end follows it."""
        return _sse(fault.as_json())

    def events(self, chunk: Chunk) -> list[dict[str, Any]]:
        """The stream's events for one chunk as documents.

        With include_usage every event but the last has a null for usage, as OpenAI writes it.
        """
        delta: dict[str, str] = {} if self._begun else {"role": "assistant", "content": ""}
        self._begun = True
        if chunk.text:
            delta["content"] = chunk.text
        choice = {"index": 0, "delta": delta, "finish_reason": chunk.finish}
        event = self._document("chat.completion.chunk", choices=[choice])
        if extension := Extension(chunk.served, chunk.timing, chunk.usage).as_json():
            event["locoman"] = extension
        if not self._call.include_usage:
            return [event]
        event["usage"] = None
        if chunk.finish is None:
            return [event]
        return [event, self._document("chat.completion.chunk", choices=[], usage=_usage(chunk.usage or Usage()))]

    def whole(self, chunks: list[Chunk]) -> dict[str, Any]:
        """The document of an answer that is not streamed."""
        first, last = chunks[0], chunks[-1]
        message = {"role": "assistant", "content": "".join(chunk.text for chunk in chunks)}
        return self._document(
            "chat.completion",
            choices=[{"index": 0, "message": message, "finish_reason": last.finish}],
            usage=_usage(last.usage or Usage()),
            locoman=Extension(first.served, last.timing, last.usage).as_json(),
        )

    def _document(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {**self._head, "object": kind, "model": self._call.model, **fields}


def models_document(names: tuple[str, ...], created: int) -> dict[str, Any]:
    """The answer of GET /v1/models."""
    return {"object": "list", "data": [model_document(name, created) for name in names]}


def model_document(name: str, created: int) -> dict[str, Any]:
    """The answer of GET /v1/models/{name}."""
    return {"id": name, "object": "model", "created": created, "owned_by": "locoman"}


def _sse(document: object) -> bytes:
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
