"""One answer with the times that a person would measure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from locoman.contracts import Engine, Message, Request, Sampling, Usage
from locoman.names import BASE

SEED = 0


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer. `ttft_ms` from the question to the first piece of text (the end, without any); `tokens_per_second` while it
    was written, 0.0 with fewer than two tokens."""

    text: str
    finish: str
    ttft_ms: float
    total_ms: float
    tokens_per_second: float
    tokens: int
    prompt_tokens: int


def ask(engine: Engine, messages: Sequence[Message], max_tokens: int, *, serial: bool = False) -> Timed:
    """The plain base's answer at temperature 0, by the clock of this process. Raises EngineError."""
    sampling = Sampling(max_tokens=max_tokens, temperature=0.0, seed=SEED)
    begun = time.perf_counter()
    first: float | None = None
    texts: list[str] = []
    finish, usage = "", Usage()
    for chunk in engine.chat(Request(tuple(messages), BASE, sampling, serial)):
        if chunk.text and first is None:
            first = time.perf_counter()
        texts.append(chunk.text)
        finish, usage = chunk.finish or finish, chunk.usage or usage
    end = time.perf_counter()
    started = end if first is None else first
    count = usage.completion_tokens
    speed = (count - 1) / (end - started) if count > 1 and end > started else 0.0
    return Timed(
        "".join(texts), finish, (started - begun) * 1e3, (end - begun) * 1e3, speed, count, usage.prompt_tokens
    )
