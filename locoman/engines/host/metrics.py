"""What a host counts, as Prometheus reads it (text format 0.0.4).

Answers are counted as they pass; what is in memory at the moment comes from the desk as a `DeskState`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from locoman.contracts import Chunk, Request, ResidentBase, Served
from locoman.errors import EngineBusy, LocomanError, RequestRefused, UsageError

Labels = tuple[tuple[str, str], ...]
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_OTHER = "other"
"""Stands for every model that never answered: clients may name as many as they like."""


@dataclass(frozen=True, slots=True)
class DeskState:
    """The desk at one moment. `slots` of the engine, `owned` of them with somebody's cache; `loads` since it began."""

    bases: tuple[ResidentBase, ...]
    slots: int
    owned: int
    answering: int
    waiting: int
    loads: int


@dataclass(slots=True)
class Histogram:
    """Observed seconds in cumulative buckets."""

    counts: list[int] = field(default_factory=lambda: [0] * len(_BUCKETS))
    total: int = 0
    sum: float = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one."""
        self.total += 1
        self.sum += seconds
        for number, bound in enumerate(_BUCKETS):
            self.counts[number] += seconds <= bound


class Metrics:
    """Counts since the host began."""

    def __init__(self) -> None:
        self._begun = time.time()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._switches = 0
        self._decoding_seconds = 0.0
        self._speed = 0.0
        self._first_token = Histogram()
        self._duration = Histogram()
        self._last: tuple[str, str | None] | None = None
        self._answered = {"auto", "base"}

    @property
    def requests(self) -> int:
        """Requests that came to an end, in whatever way."""
        return sum(self._requests.values())

    @property
    def tokens_per_second(self) -> float:
        """Of the last answer; 0.0 before there was one."""
        return self._speed

    async def observed(self, request: Request, chunks: AsyncGenerator[Chunk]) -> AsyncGenerator[Chunk]:
        """`chunks`, counted as they pass."""
        served: Served | None = None
        outcome = "cancelled"
        begun = time.monotonic()
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    served = chunk.served or served
                    if chunk.finish is not None:
                        outcome = "answered"
                        self._finished(served, chunk)
                    yield chunk
        except LocomanError as error:
            outcome = _outcome(error)
            raise
        finally:
            self._duration.observe(time.monotonic() - begun)
            self._requests[self._label(request, served), _adapter(served), outcome] += 1

    def text(self, state: DeskState) -> str:
        """All of it, for GET /metrics."""
        return "\n".join(self._lines(state)) + "\n"

    def _finished(self, served: Served | None, chunk: Chunk) -> None:
        who = _adapter(served)
        if served is not None:
            owner = (served.base, served.adapter)
            self._switches += self._last not in (None, owner)
            self._last = owner
        if chunk.usage is not None:
            self._tokens[who, "prompt"] += chunk.usage.prompt_tokens
            self._tokens[who, "cached"] += chunk.usage.cached_tokens
            self._tokens[who, "completion"] += chunk.usage.completion_tokens
        if chunk.timing is not None and chunk.usage is not None:
            self._first_token.observe(chunk.timing.ttft_ms / 1000.0)
            if chunk.timing.tokens_per_second > 0.0:
                self._speed = chunk.timing.tokens_per_second
                self._decoding_seconds += max(0, chunk.usage.completion_tokens - 1) / self._speed

    def _label(self, request: Request, served: Served | None) -> str:
        name = request.model.adapter.name if request.model.adapter is not None else request.model.kind
        if served is not None:
            self._answered.add(name)
        return name if name in self._answered else _OTHER

    def _lines(self, state: DeskState) -> Iterator[str]:
        yield from _family("start_time_seconds", "gauge", "When this host began.", [((), self._begun)])
        yield from _family(
            "requests_total",
            "counter",
            "Requests by the model asked for, the adapter that answered and the outcome.",
            (
                ((("model", model), ("adapter", adapter), ("outcome", outcome)), count)
                for (model, adapter, outcome), count in sorted(self._requests.items())
            ),
        )
        yield from _family(
            "tokens_total",
            "counter",
            "Tokens: of prompts, of these those found in the cache, and of answers.",
            (((("adapter", who), ("kind", kind)), count) for (who, kind), count in sorted(self._tokens.items())),
        )
        yield from _family(
            "decoding_seconds_total", "counter", "Time spent on decoding.", [((), self._decoding_seconds)]
        )
        yield from _family("tokens_per_second", "gauge", "Speed of the last answer.", [((), self._speed)])
        yield from _family(
            "switches_total", "counter", "Answers by another adapter than before.", [((), self._switches)]
        )
        yield from _histogram("first_token_seconds", "From the request to the first token.", self._first_token)
        yield from _histogram("request_seconds", "From the request to its end.", self._duration)
        yield from _state_lines(state)


def _state_lines(state: DeskState) -> Iterator[str]:
    bases = [(base, (("base", base.name),)) for base in state.bases]
    memory = [(labels, base.bytes) for base, labels in bases]
    yield from _family("base_memory_bytes", "gauge", "Resident size of the engine that holds a base.", memory)
    loaded = [((*labels, ("adapter", name)), 1) for base, labels in bases for name in base.adapters]
    yield from _family("adapter_loaded", "gauge", "Adapters in memory.", loaded)
    yield from _family("bases", "gauge", "Bases in memory.", [((), len(bases))])
    yield from _family("slots", "gauge", "Conversations whose cache can be kept.", [((), state.slots)])
    yield from _family("slots_owned", "gauge", "Conversations whose cache is kept.", [((), state.owned)])
    yield from _family("requests_answering", "gauge", "Requests being answered.", [((), state.answering)])
    yield from _family("requests_waiting", "gauge", "Requests in the queue.", [((), state.waiting)])
    yield from _family("engine_loads_total", "counter", "Times a base was loaded.", [((), state.loads)])


def _family(name: str, kind: str, help: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield f"# HELP locoman_{name} {help}"
    yield f"# TYPE locoman_{name} {kind}"
    for labels, value in samples:
        yield f"locoman_{name}{_labels(dict(labels))} {value:.10g}"


def _histogram(name: str, help: str, histogram: Histogram) -> Iterator[str]:
    yield f"# HELP locoman_{name} {help}"
    yield f"# TYPE locoman_{name} histogram"
    for bound, count in zip(_BUCKETS, histogram.counts, strict=True):
        yield f'locoman_{name}_bucket{{le="{bound}"}} {count}'
    yield f'locoman_{name}_bucket{{le="+Inf"}} {histogram.total}'
    yield f"locoman_{name}_sum {histogram.sum:.10g}"
    yield f"locoman_{name}_count {histogram.total}"


def _labels(labels: Mapping[str, str]) -> str:
    """Names hold nothing that would have to be escaped."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""


def _adapter(served: Served | None) -> str:
    """The adapter that answers, "base" for none, "" when nobody came so far."""
    return "" if served is None else served.adapter or "base"


def _outcome(error: LocomanError) -> str:
    match error:
        case EngineBusy():
            return "busy"
        case RequestRefused() | UsageError():
            return "refused"
        case _:
            return "failed"
