"""What reading a request takes in every dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec

from locoman.contracts import Message
from locoman.errors import InvalidName, RequestRefused, UnknownName
from locoman.names import ModelName, nearest

Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 30)]
Seed = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Stops = Annotated[list[str], msgspec.Meta(max_length=16)]
T = TypeVar("T")


def decoded(data: bytes, kind: type[T]) -> T:
    """A body of JSON as `kind`. Raises RequestRefused (400) with the place where it does not fit."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise RequestRefused(400, f"The request does not fit: {_lower(str(error))}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, f"The request is no JSON: {_lower(str(error))}.") from error


def refuse(asked: Mapping[str, bool]) -> None:
    """Raises RequestRefused (400) for the first field that asks for something we would silently get wrong."""
    field = next((name for name, wanted in asked.items() if wanted), None)
    if field is not None:
        raise RequestRefused(400, f"{field} is not supported.")


def conversation(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages`, if they end with a question. Raises RequestRefused (400)."""
    if messages[-1].role != "user":
        raise RequestRefused(400, "The last message must be the user's.")
    if not messages[-1].content.strip():
        raise RequestRefused(400, "The question is empty.")
    return tuple(messages)


def model_name(text: str) -> ModelName:
    """The model that a client names; as in Ollama a tag may follow: "words:latest", "words:1.2.0" for words@1.2.0.

    Raises UnknownName for what cannot be a name.
    """
    name, _, tag = text.partition(":")
    try:
        return ModelName.parse(name if tag in ("", "latest") else f"{name}@{tag}")
    except InvalidName as error:
        raise UnknownName("model", text[:80], nearest(name[:80], ("auto", "base"))) from error


def stops(asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Stop strings that came as one, several or none."""
    return (asked,) if isinstance(asked, str) else tuple(asked or ())


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
