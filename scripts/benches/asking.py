"""Asks an OpenAI server as any client does, streaming or not, and measures what the client sees."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

_TAIL = 4096
"""Bytes at the end of a stream in which the count of tokens stands."""
_COMPLETION = re.compile(rb'"completion_tokens": ?(\d+)')


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and its times in seconds from the request on: to the first text, to the last, in all.

    `pieces` are the pieces of text that came; `prompt_tokens`, `cached_tokens` and `tokens` (of the answer) are counted by the
    server.
    """

    text: str
    first: float
    last: float
    total: float
    pieces: int
    prompt_tokens: int
    cached_tokens: int
    tokens: int

    @property
    def tokens_per_second(self) -> float:
        """Of decoding, as the client sees it: what came after the first piece over the time that it took."""
        return (self.tokens - 1) / (self.last - self.first) if self.last > self.first else 0.0


class Client:
    """Asks one server; raises httpx.HTTPError for whatever is no answer.

    `keep` False: a connection for each request, as llama.cpp's own server needs it, which closes them without saying so.
    """

    def __init__(self, url: str, key: str = "", *, keep: bool = True) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {} if keep else {"Connection": "close"}
        limits = httpx.Limits(keepalive_expiry=2.0)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=900.0, trust_env=False, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection that is kept."""
        self._http.close()

    def ask(self, messages: str | list[dict[str, str]], **fields: Any) -> Answer:
        """The streamed answer to a question, or to a conversation."""
        body = self._body(messages, fields) | {"stream": True, "stream_options": {"include_usage": True}}
        begun = time.perf_counter()
        text: list[str] = []
        first = last = 0.0
        usage: Mapping[str, Any] = {}
        with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
            if response.status_code != 200:
                response.read()
            response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line[6:])
                usage = event.get("usage") or usage
                for choice in event.get("choices", ()):
                    if piece := choice["delta"].get("content"):
                        last = time.perf_counter() - begun
                        first = first or last
                        text.append(piece)
        total = time.perf_counter() - begun
        return self._answer("".join(text), first or total, last or total, total, len(text), usage)

    def drain(self, messages: str | list[dict[str, str]], **fields: Any) -> int:
        """Reads a streamed answer with as little work as can be; returns how many tokens it had."""
        body = self._body(messages, fields) | {"stream": True, "stream_options": {"include_usage": True}}
        rest = b""
        with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            for data in response.iter_raw():
                rest = rest[-_TAIL:] + data
        return int(_COMPLETION.findall(rest)[-1])

    def ask_whole(self, messages: str | list[dict[str, str]], **fields: Any) -> Answer:
        """The answer in one piece."""
        begun = time.perf_counter()
        response = self._http.post("/v1/chat/completions", json=self._body(messages, fields)).raise_for_status()
        total = time.perf_counter() - begun
        document = response.json()
        text = document["choices"][0]["message"]["content"] or ""
        return self._answer(text, total, total, total, 1, document["usage"])

    def get(self, path: str) -> Any:
        """A JSON document."""
        return self._http.get(path).raise_for_status().json()

    @staticmethod
    def _body(messages: str | list[dict[str, str]], fields: Mapping[str, Any]) -> dict[str, Any]:
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        return {"messages": turns, **fields}

    @staticmethod
    def _answer(text: str, first: float, last: float, total: float, pieces: int, usage: Mapping[str, Any]) -> Answer:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        return Answer(text, first, last, total, pieces, usage["prompt_tokens"], cached, usage["completion_tokens"])
