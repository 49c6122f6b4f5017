"""OpenAI's dialect: reads a chat completion request, writes answers, pieces of answers, models and errors."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Literal

import msgspec

from locoman.contracts import Chunk, Message, Request, Sampling, Usage
from locoman.engines.wire import Extension
from locoman.errors import InvalidName, RequestRefused, UnknownName
from locoman.names import ModelName, nearest

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Heat = Annotated[float, msgspec.Meta(ge=0.0, le=2.0)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 30)]
_Seed = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Stops = Annotated[list[str], msgspec.Meta(max_length=16)]


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


class _Format(msgspec.Struct):
    type: str = "text"


class _Body(msgspec.Struct):
    messages: Annotated[list[_Turn], msgspec.Meta(min_length=1)]
    model: str = "auto"
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    temperature: _Heat | None = None
    top_p: _Share | None = None
    top_k: _Count | None = None
    seed: _Seed | None = None
    stop: str | _Stops | None = None
    n: int | None = 1
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    response_format: _Format | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    def unsupported(self) -> str | None:
        """The first field that asks for something we would silently get wrong."""
        wanted = {
            "n": self.n not in (None, 1),
            "tools": bool(self.tools),
            "functions": bool(self.functions),
            "logprobs": bool(self.logprobs),
            "response_format": self.response_format is not None and self.response_format.type != "text",
            "presence_penalty": bool(self.presence_penalty),
            "frequency_penalty": bool(self.frequency_penalty),
            "logit_bias": bool(self.logit_bias),
        }
        return next((name for name, asked in wanted.items() if asked), None)


class ChatCall(msgspec.Struct, frozen=True):
    """A request and how its answer is to be written."""

    request: Request
    model: str
    stream: bool
    include_usage: bool


def read_call(data: bytes) -> ChatCall:
    """Raises RequestRefused (400) for what is no request, UnknownName for a model that cannot exist."""
    try:
        body = msgspec.json.decode(data, type=_Body)
    except msgspec.ValidationError as error:
        raise RequestRefused(400, f"The request does not fit: {_lower(str(error))}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, f"The request is no JSON: {_lower(str(error))}.") from error
    if (field := body.unsupported()) is not None:
        raise RequestRefused(400, f"{field} is not supported.")
    messages = tuple(turn.message() for turn in body.messages)
    if messages[-1].role != "user":
        raise RequestRefused(400, "The last message must be the user's.")
    if not messages[-1].content.strip():
        raise RequestRefused(400, "The question is empty.")
    sampling = Sampling(
        max_tokens=body.max_completion_tokens or body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        seed=body.seed,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
    )
    usage = body.stream_options is not None and body.stream_options.include_usage
    return ChatCall(Request(messages, _model_name(body.model), sampling), body.model, bool(body.stream), usage)


def _model_name(text: str) -> ModelName:
    try:
        return ModelName.parse(text)
    except InvalidName as error:
        raise UnknownName("model", text[:80], nearest(text[:80], ("auto", "base"))) from error


class AnswerWriter:
    """Writes the documents of one answer; they share an id, a time and the model's name."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time())}
        self._begun = False

    def events(self, chunk: Chunk) -> list[dict[str, Any]]:
        """The stream events for one chunk, in order."""
        delta: dict[str, str] = {} if self._begun else {"role": "assistant", "content": ""}
        self._begun = True
        if chunk.text:
            delta["content"] = chunk.text
        choice = {"index": 0, "delta": delta, "finish_reason": chunk.finish}
        event = self._document("chat.completion.chunk", choices=[choice])
        if extension := Extension(chunk.served, chunk.timing, chunk.usage).as_json():
            event["locoman"] = extension
        if chunk.usage is None or not self._call.include_usage:
            return [event]
        return [event, self._document("chat.completion.chunk", choices=[], usage=_usage(chunk.usage))]

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
    models = [{"id": name, "object": "model", "created": created, "owned_by": "locoman"} for name in names]
    return {"object": "list", "data": models}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
