"""A whole answer, with the times that this process measured."""

from __future__ import annotations

import time
from dataclasses import dataclass

from locoman.contracts import Engine, Request, Served, Timing, Usage


@dataclass(frozen=True, slots=True)
class Answer:
    """`told` is the engine's own timing, where it tells one. In `measured`, `ttft_ms` goes from the question to the first
    piece of text (the end, without any), and `tokens_per_second` is taken from there on, 0.0 with fewer than two tokens."""

    text: str
    served: Served | None
    finish: str
    usage: Usage
    measured: Timing
    told: Timing | None


def collect(engine: Engine, request: Request) -> Answer:
    """Asks, and takes all of the answer. Raises EngineError."""
    begun = time.perf_counter()
    first: float | None = None
    texts: list[str] = []
    served: Served | None = None
    finish, usage, told = "", Usage(), None
    for chunk in engine.chat(request):
        if chunk.text and first is None:
            first = time.perf_counter()
        texts.append(chunk.text)
        served = chunk.served or served
        finish, usage, told = chunk.finish or finish, chunk.usage or usage, chunk.timing or told
    end = time.perf_counter()
    measured = _timed(begun, end if first is None else first, end, usage.completion_tokens)
    return Answer("".join(texts), served, finish, usage, measured, told)


def _timed(begun: float, first: float, end: float, tokens: int) -> Timing:
    speed = (tokens - 1) / (end - first) if tokens > 1 and end > first else 0.0
    return Timing(ttft_ms=(first - begun) * 1e3, total_ms=(end - begun) * 1e3, tokens_per_second=speed)
