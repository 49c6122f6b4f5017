"""llama.cpp's stream of events as Chunks."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from locoman.contracts import Chunk, Served, Timing, Usage
from locoman.errors import EngineLost


def since(moment: float) -> float:
    """Milliseconds since `moment` of time.perf_counter."""
    return (time.perf_counter() - moment) * 1000.0


@dataclass(slots=True)
class Clock:
    """Measures one request: `begun` on time.perf_counter, the rest in milliseconds."""

    begun: float
    route_ms: float
    load_ms: float = 0.0
    ttft_ms: float = 0.0

    def text_came(self) -> None:
        """Call for each piece of text; the first counts."""
        self.ttft_ms = self.ttft_ms or since(self.begun)

    def stop(self, tokens_per_second: float) -> Timing:
        """The Timing of the finished request."""
        return Timing(self.route_ms, self.load_ms, self.ttft_ms, since(self.begun), tokens_per_second)


async def chunks(events: AsyncGenerator[dict[str, Any]], served: Served, clock: Clock) -> AsyncGenerator[Chunk]:
    """First who serves, then the text, last finish, timing and usage.

    Nothing is yielded before the first event, so that a refusal comes ahead of everything. Raises EngineLost when the
    events end too early or are not what they should be.
    """
    finish, usage, speed = None, Usage(), 0.0
    announced = False
    async for event in events:
        if not announced:
            yield Chunk(served=served)
            announced = True
        text, ended, counted = _read(event)
        if text:
            clock.text_came()
            yield Chunk(text=text)
        finish = ended or finish
        if counted is not None:
            usage, speed = counted
    if finish is None:
        raise EngineLost("The engine stopped in the middle of the answer.")
    yield Chunk(finish="length" if finish == "length" else "stop", timing=clock.stop(speed), usage=usage)


def _read(event: dict[str, Any]) -> tuple[str, str | None, tuple[Usage, float] | None]:
    """The text, the reason for the end and the final counts (with tokens per second) in one event."""
    try:
        choices = event["choices"]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        finish = next((choice["finish_reason"] for choice in choices if choice.get("finish_reason")), None)
        counted = (_usage(event["usage"]), _speed(event.get("timings") or {})) if event.get("usage") else None
    except (KeyError, TypeError, AttributeError) as error:
        raise EngineLost("The engine sent something that is not an answer.") from error
    return text, finish, counted


def _usage(document: dict[str, Any]) -> Usage:
    details = document.get("prompt_tokens_details") or {}
    return Usage(document["prompt_tokens"], details.get("cached_tokens", 0), document["completion_tokens"])


def _speed(timings: dict[str, Any]) -> float:
    """Tokens per second of decoding; the first token belongs to the prompt, so one alone has no speed."""
    return float(timings.get("predicted_per_second") or 0.0) if timings.get("predicted_n", 0) > 1 else 0.0
