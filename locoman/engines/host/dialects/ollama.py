"""Ollama's dialect: reads /api/chat and /api/generate, writes answers as lines of JSON (or one document) and errors.

The shapes are those of Ollama's api/types.go. A field that we could not honour is refused; what concerns how a model is
loaded (num_ctx, num_thread, num_gpu ...) is the host's own business and ignored, as Ollama ignores options it does not know.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from locoman.contracts import Chunk, Message, Request, Sampling, Timing, Usage
from locoman.engines.faults import Fault
from locoman.engines.host.dialects.go_times import nanoseconds, seconds, timestamp
from locoman.engines.host.dialects.reading import (
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
from locoman.names import ModelName

_UNLIMITED = 1 << 30
"""Tokens; the context ends before. num_predict -1 and -2 mean it."""
_Heat = Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2.0, le=2.0)]


class _Options(msgspec.Struct):
    num_predict: Annotated[int, msgspec.Meta(ge=-2, le=1 << 30)] | None = None
    temperature: _Heat | None = None
    top_p: Share | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0, le=1 << 30)] | None = None
    min_p: Share | None = None
    seed: Seed | None = None
    stop: str | Stops | None = None
    repeat_penalty: Annotated[float, msgspec.Meta(gt=0.0, le=10.0)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    typical_p: float | None = None
    repeat_last_n: int | None = None
    mirostat: int | None = None

    def unsupported(self) -> dict[str, bool]:
        """What is not here, and whether it is asked for."""
        return {
            "typical_p": self.typical_p not in (None, 1.0),
            "repeat_last_n": self.repeat_last_n not in (None, 64),
            "mirostat": bool(self.mirostat),
        }

    def sampling(self) -> Sampling:
        """As every dialect says it."""
        return Sampling(
            max_tokens=_UNLIMITED if self.num_predict is not None and self.num_predict <= 0 else self.num_predict,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            seed=self.seed,
            stop=stops(self.stop),
            min_p=self.min_p,
            repeat_penalty=self.repeat_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
        )


class _Body(msgspec.Struct):
    """What /api/chat and /api/generate have in common."""

    model: str
    stream: bool | None = True
    options: _Options | None = None
    keep_alive: float | str | None = None
    format: Any = None
    think: bool | str | None = None
    logprobs: bool | None = None
    debug_render_only: bool | None = msgspec.field(default=None, name="_debug_render_only")

    def unsupported(self) -> dict[str, bool]:
        """What is not here, and whether it is asked for."""
        return {
            "format": bool(self.format),
            "think": bool(self.think),
            "logprobs": bool(self.logprobs),
            "_debug_render_only": bool(self.debug_render_only),
            **(self.options.unsupported() if self.options is not None else {}),
        }


class _Turn(msgspec.Struct):
    role: Literal["system", "user", "assistant"]
    content: str = ""
    images: list[Any] | None = None
    tool_calls: list[Any] | None = None

    def message(self) -> Message:
        refuse({"images": bool(self.images), "tool_calls": bool(self.tool_calls)})
        return Message(self.role, self.content)


class _ChatBody(_Body):
    messages: list[_Turn] | None = None
    tools: list[Any] | None = None

    def unsupported(self) -> dict[str, bool]:
        return {**super().unsupported(), "tools": bool(self.tools)}


class _GenerateBody(_Body):
    prompt: str | None = ""
    system: str | None = ""
    suffix: str | None = ""
    template: str | None = ""
    context: list[int] | None = None
    raw: bool | None = None
    images: list[Any] | None = None

    def unsupported(self) -> dict[str, bool]:
        asked = {name: bool(getattr(self, name)) for name in ("suffix", "template", "context", "raw", "images")}
        return {**super().unsupported(), **asked}


class OllamaCall(msgspec.Struct, frozen=True):
    """A request and how its answer is to be written. No messages: the model is to be loaded or let go.

    `keep_alive`: seconds for which the model stays in memory after this request; None = as the host has it.
    """

    kind: Literal["chat", "generate"]
    asked: str
    model: ModelName
    messages: tuple[Message, ...]
    sampling: Sampling
    stream: bool
    keep_alive: float | None

    @property
    def request(self) -> Request:
        """What is asked of the model."""
        return Request(self.messages, self.model, self.sampling)


def read_chat(data: bytes) -> OllamaCall:
    """A body of /api/chat. Raises RequestRefused (400), UnknownName for a model that cannot exist."""
    body = decoded(data, _ChatBody)
    messages = [turn.message() for turn in body.messages or ()]
    return _call("chat", body, messages)


def read_generate(data: bytes) -> OllamaCall:
    """A body of /api/generate. Raises RequestRefused (400), UnknownName for a model that cannot exist."""
    body = decoded(data, _GenerateBody)
    if not body.prompt:
        return _call("generate", body, [])
    system = [Message("system", body.system)] if body.system else []
    return _call("generate", body, [*system, Message("user", body.prompt)])


class _Named(msgspec.Struct):
    model: str = ""
    name: str = ""


def read_named(data: bytes) -> str:
    """The model that a body of /api/show or /api/pull names. Raises RequestRefused (400)."""
    body = decoded(data, _Named)
    if not (body.model or body.name):
        raise RequestRefused(400, "The model is missing.")
    return body.model or body.name


def _call(kind: Literal["chat", "generate"], body: _Body, messages: list[Message]) -> OllamaCall:
    if not body.model:
        raise RequestRefused(400, "The model is missing.")
    refuse(body.unsupported())
    return OllamaCall(
        kind=kind,
        asked=body.model,
        model=model_name(body.model),
        messages=conversation(messages) if messages else (),
        sampling=(body.options or _Options()).sampling(),
        stream=body.stream is not False,
        keep_alive=seconds(body.keep_alive),
    )


class AnswerWriter:
    """Writes one answer."""

    media_type = "application/x-ndjson"

    def __init__(self, call: OllamaCall) -> None:
        self._call = call
        self._served: Chunk | None = None

    def piece(self, chunk: Chunk) -> bytes:
        """The stream's line for one chunk, if it needs one."""
        if chunk.served is not None:
            self._served = chunk
        text = _line(self._document(chunk.text)) if chunk.text else b""
        return text if chunk.finish is None else text + _line(self._last("", chunk))

    def end(self) -> bytes:
        """Nothing: the last line says that it is the last."""
        return b""

    def fault(self, fault: Fault) -> bytes:
        """What closes a stream that broke."""
        return _line(error_document(fault))

    def whole(self, chunks: list[Chunk]) -> dict[str, Any]:
        """The document of an answer that is not streamed."""
        self._served = chunks[0]
        return self._last("".join(chunk.text for chunk in chunks), chunks[-1])

    def nothing(self, reason: Literal["load", "unload"]) -> dict[str, Any]:
        """The document of a request without a question."""
        return {**self._document(""), "done": True, "done_reason": reason}

    def _document(self, text: str) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text}} if self._call.kind == "chat" else {"response": text}
        return {"model": self._call.asked, "created_at": timestamp(datetime.now(UTC)), **said, "done": False}

    def _last(self, text: str, chunk: Chunk) -> dict[str, Any]:
        timing, usage = chunk.timing or Timing(), chunk.usage or Usage()
        served = self._served.served if self._served is not None else None
        return {
            **self._document(text),
            "done": True,
            "done_reason": chunk.finish,
            **_durations(timing, usage),
            "locoman": Extension(served, chunk.timing, chunk.usage).as_json(),
        }


def error_document(fault: Fault) -> dict[str, Any]:
    """An error as Ollama tells it; clients know a missing model by these words."""
    if fault.code == "model_not_found":
        nearest = fault.facts.get("nearest") or ()
        hint = f". Did you mean {' or '.join(nearest)}?" if nearest else ""
        return {"error": f"model '{fault.facts.get('name', '')}' not found{hint}"}
    return {"error": fault.message}


def _durations(timing: Timing, usage: Usage) -> dict[str, int]:
    """Ollama's counts and times, in nanoseconds; waiting for a turn counts as evaluation of the prompt."""
    prompt_ms = max(0.0, timing.ttft_ms - timing.load_ms - timing.route_ms)
    decode_ms = max(0.0, timing.total_ms - timing.ttft_ms) if timing.ttft_ms else 0.0
    return {
        "total_duration": nanoseconds(timing.total_ms),
        "load_duration": nanoseconds(timing.load_ms),
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": nanoseconds(prompt_ms),
        "eval_count": usage.completion_tokens,
        "eval_duration": nanoseconds(decode_ms),
    }


def _line(document: object) -> bytes:
    return msgspec.json.encode(document) + b"\n"
