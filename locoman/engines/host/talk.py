"""How the host speaks with a llama.cpp server: answers as they come, and what few other things it asks of it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import h11
import msgspec

from locoman.contracts import Message
from locoman.engines.host.exchange import Exchange
from locoman.errors import ContextExceeded, EngineLost, EngineSilent, RequestRefused

_MAX_EVENT_BYTES = 1 << 20
_BEGINNING = 120.0
"""Seconds until llama.cpp has to say that it begins with a prompt: others of the same adapter may be evaluated just then."""
_EVALUATING = 600.0
"""Seconds that one batch of a long prompt may take on a slow processor."""
_ANSWERING = 60.0
"""Seconds between two tokens after which llama.cpp is given up."""
_SHORT = 30.0
"""Seconds for what takes a millisecond, unless a batch of tokens has to be finished first."""


class Talk:
    """Requests to one llama.cpp server; each on a connection of its own."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._key = key

    async def events(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The events of a streamed chat completion; closing the iterator makes llama.cpp stop.

        Raises ConnectionError when it went away before it began to answer, EngineLost when later, RequestRefused.
        """
        data = json.dumps({**body, "stream": True, "return_progress": True}).encode()
        try:
            exchange = await Exchange.post(self._address, "/v1/chat/completions", self._key, data, _BEGINNING)
        except TimeoutError as error:
            raise EngineSilent from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise ConnectionError(str(error)) from error
        try:
            if exchange.status != 200:
                raise _refusal(exchange.status, await _whole(exchange))
            exchange.silence = _EVALUATING
            async for line in _lines(exchange):
                if line.startswith(b"data: ") and line != b"data: [DONE]":
                    event = _event(line[6:])
                    exchange.silence = _EVALUATING if "prompt_progress" in event else _ANSWERING
                    yield event
                elif line.startswith(b"error: "):
                    raise _refusal(500, line[7:])
        except TimeoutError as error:
            raise EngineSilent from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise EngineLost("The engine went away in the middle of the answer.") from error
        finally:
            exchange.close()

    async def erase(self, slot: int) -> None:
        """Empties a slot, once whatever went on there has stopped. Raises ConnectionError, EngineLost, RequestRefused."""
        await self._call(f"/slots/{slot}?action=erase", {})

    async def count(self, messages: Sequence[Message]) -> int:
        """The tokens of a prompt, exactly. Raises ConnectionError, EngineLost, RequestRefused."""
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        rendered = await self._call("/apply-template", {"messages": turns})
        counted = await self._call("/tokenize", {"content": rendered.get("prompt", ""), "parse_special": True})
        tokens = counted.get("tokens")
        if not isinstance(tokens, list):
            raise _garbage()
        return len(tokens)

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            exchange = await Exchange.post(self._address, path, self._key, json.dumps(body).encode(), _SHORT)
            try:
                answer = b""
                while piece := await exchange.read():
                    answer += piece
            finally:
                exchange.close()
        except TimeoutError as error:
            raise EngineSilent from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise ConnectionError(str(error)) from error
        if exchange.status != 200:
            raise _refusal(exchange.status, answer)
        return _document(answer)


async def _whole(exchange: Exchange) -> bytes:
    """The body of an error, no more of it than is good for us."""
    body = b""
    while len(body) < _MAX_EVENT_BYTES and (piece := await exchange.read()):
        body += piece
    return body


async def _lines(exchange: Exchange) -> AsyncIterator[bytes]:
    """The lines of a stream, without their ends, refusing one that never does. Raises EngineLost."""
    rest = b""
    while piece := await exchange.read():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > _MAX_EVENT_BYTES:
            raise _garbage()


def _event(text: bytes) -> dict[str, Any]:
    event = _document(text)
    if "error" in event:
        raise _refusal(500, text)
    return event


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _garbage() from error
    if not isinstance(document, dict):
        raise _garbage()
    return document


def _garbage() -> EngineLost:
    return EngineLost("The engine sent something that is not an answer.")


def _refusal(status: int, body: bytes) -> RequestRefused:
    """llama.cpp's error document as ours."""
    try:
        error = json.loads(body)["error"]
        if error.get("type") == "exceed_context_size_error":
            return ContextExceeded(int(error["n_prompt_tokens"]), int(error["n_ctx"]))
        return RequestRefused(status, f"The engine refused the request: {error['message']}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return RequestRefused(status, f"The engine refused the request with HTTP status {status}.")
