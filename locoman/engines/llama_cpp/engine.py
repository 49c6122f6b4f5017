"""Answers in this process, without a host: for exact probabilities, and for platforms that have no embedded server."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from locoman.contracts import (
    Chunk,
    Decision,
    Lineup,
    LineupSource,
    Request,
    Residency,
    ResidentBase,
    Sampling,
    Served,
    ServedAdapter,
    ServedBase,
    Timing,
    Usage,
)
from locoman.engines.choosing import Spelling, check_options, shares
from locoman.engines.host.lineup import adapter_named, chosen_adapter, lineup_of, loaded_names
from locoman.engines.host.prompting import prompted
from locoman.engines.llama_cpp.runtime import Owner, Runtime
from locoman.engines.llama_cpp.stops import AnswerText
from locoman.engines.llama_cpp.template import ChatTemplate
from locoman.errors import ContextExceeded, UnknownName, UsageError
from locoman.names import ModelName

_ROUTED_BY_CLIENT = "asked"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What is in memory and what it was loaded from: the files with their sizes and times."""

    files: tuple[tuple[Path, int, int], ...]
    base: ServedBase
    runtime: Runtime
    template: ChatTemplate
    since: float


@dataclass(frozen=True, slots=True)
class _Turn:
    """A request on its way: who answers it and with which prompt."""

    lineup: Lineup
    decision: Decision
    adapter: ServedAdapter | None
    owner: Owner
    prompt: tuple[int, ...]
    load_ms: float


class LlamaCppEngine:
    """Implements contracts.Engine on llama-cpp-python (extra `llama-cpp`); several threads may use it, in turns.

    Args:
        source: what is served; asked before each request. threads: of the CPU; 0 = one per physical core.
    """

    def __init__(self, source: LineupSource, threads: int = 0) -> None:
        self._source = source
        self._threads = threads or psutil.cpu_count(logical=False) or 1
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def chat(self, request: Request) -> Iterator[Chunk]:
        """See contracts.Engine. Also raises ExtraMissing, and what the source and loading raise."""
        begun = time.perf_counter()
        with self._lock:
            turn = self._begin(request)
            loaded = self._ready(turn.lineup.base)
        sampling = _with_defaults(request.sampling, turn.lineup.base.defaults)
        limit = loaded.runtime.context - len(turn.prompt)
        limit = limit if sampling.max_tokens is None else min(limit, sampling.max_tokens)
        yield Chunk(served=_served(turn))
        answer = AnswerText((*turn.lineup.base.stop, *sampling.stop))
        tokens = list(turn.prompt)
        cached, first, ended = 0, 0.0, False
        if request.serial:
            with self._lock:
                loaded.runtime.forget(turn.owner)
        with closing(loaded.runtime.sampler(sampling)) as sampler:
            while not ended and len(tokens) - len(turn.prompt) < limit:
                with self._lock:  # others may have their turn between two tokens
                    known = loaded.runtime.evaluate(turn.owner, tokens)
                    token = loaded.runtime.next_token(sampler)
                    ended = loaded.runtime.ends(token)
                    text = "" if ended else answer.add(loaded.runtime.piece(token))
                if not first:
                    cached, first = known, time.perf_counter()
                tokens.append(token)
                if text:
                    yield Chunk(text=text)
                ended = ended or answer.stopped
        if rest := answer.end():
            yield Chunk(text=rest)
        now, count = time.perf_counter(), len(tokens) - len(turn.prompt)
        yield Chunk(
            finish="stop" if ended else "length",
            timing=Timing(
                turn.decision.route_ms,
                turn.load_ms,
                (first - begun) * 1000.0,
                (now - begun) * 1000.0,
                (count - 1) / (now - first) if count > 1 else 0.0,
            ),
            usage=Usage(len(turn.prompt), cached, count),
        )

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        """See contracts.Engine: exact, for the tokens that the base's tokenizer makes of each option."""
        check_options(options)
        with self._lock:
            turn = self._begin(request)
            runtime = self._ready(turn.lineup.base).runtime
            return shares([_spelling(runtime, turn, tuple(runtime.tokens(option, prompt=False))) for option in options])

    def loglikelihood(
        self, model: ModelName, context: str, continuations: Sequence[str], *, serial: bool = False
    ) -> Sequence[float]:
        """See contracts.Likelihoods; exact."""
        if model.kind == "auto":
            raise UsageError(
                "Log-likelihoods are asked of an adapter or of the base; there is no question to be routed."
            )
        kept = context.rstrip()
        with self._lock:
            lineup = self._source.current(model.base.name if model.base is not None else None)
            runtime = self._ready(lineup.base).runtime
            owner = _owner(chosen_adapter(lineup.base, model))
            if serial:
                runtime.forget(owner)
            before = runtime.tokens(kept, prompt=True) or runtime.tokens(runtime.begin or runtime.end, prompt=True)
            found = []
            for continuation in continuations:
                after = runtime.tokens(context + continuation, prompt=True)[len(before) if kept else 0 :]
                found.append(runtime.log_likelihood(owner, before, after) if after else 0.0)
        return found

    def resident(self) -> Residency | None:
        """What is in this process; None before the first request."""
        loaded = self._loaded
        if loaded is None:
            return None
        resident = ResidentBase(loaded.base.name, loaded_names(loaded.base), psutil.Process().memory_info().rss)
        return Residency("llama_cpp", f"process {os.getpid()}", loaded.since, None, (resident,))

    def close(self) -> None:
        """Gives the memory back; the next request loads again."""
        with self._lock:
            self._unload()

    def _begin(self, request: Request) -> _Turn:
        lineup, decision = _decide(self._source, request)
        adapter = adapter_named(lineup.base, decision.adapter)
        before = time.perf_counter()
        loaded = self._ready(lineup.base)
        load_ms = (time.perf_counter() - before) * 1000.0
        text = loaded.template.render(prompted(request.messages, adapter))
        prompt = tuple(loaded.runtime.tokens(text, prompt=True))
        if len(prompt) >= loaded.runtime.context:
            raise ContextExceeded(len(prompt), loaded.runtime.context)
        return _Turn(lineup, decision, adapter, _owner(adapter), prompt, load_ms)

    def _ready(self, base: ServedBase) -> _Loaded:
        """What is loaded, anew when other files are to be served."""
        loras = {adapter.name: adapter.gguf for adapter in base.adapters if adapter.gguf is not None}
        files = tuple(_file(path) for path in (base.gguf, *loras.values()))
        loaded = self._loaded
        same = loaded is not None and (loaded.base.chat_template, loaded.base.context) == (
            base.chat_template,
            base.context,
        )
        if loaded is not None and same and loaded.files == files and loaded_names(loaded.base) == tuple(loras):
            return loaded
        self._unload()
        runtime = Runtime(base.gguf, loras, base.context, self._threads)
        template = ChatTemplate(base.chat_template, runtime.begin, runtime.end)
        self._loaded = _Loaded(files, base, runtime, template, time.time())
        return self._loaded

    def _unload(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.runtime.close()


def _owner(adapter: ServedAdapter | None) -> Owner:
    """Whose weights answer; a prompt-only adapter has none of its own."""
    return (adapter.name, adapter.scale) if adapter is not None and adapter.gguf is not None else (None, 0.0)


def _spelling(runtime: Runtime, turn: _Turn, option: tuple[int, ...]) -> Spelling:
    """What the option's tokens are worth after the prompt, one after the other."""
    total = 0.0
    for number, token in enumerate(option):
        runtime.evaluate(turn.owner, [*turn.prompt, *option[:number]])
        total += float(runtime.log_probabilities()[token])
    return Spelling(option, total)


def _decide(source: LineupSource, request: Request) -> tuple[Lineup, Decision]:
    """The router's decision for "auto", the client's own otherwise, and where it answers. Raises UnknownName."""
    model = request.model
    base, named = (ref.name if ref is not None else None for ref in (model.base, model.adapter))
    lineup = lineup_of(source, base, named)
    adapter = chosen_adapter(lineup.base, model)
    if model.kind != "auto":
        return lineup, Decision(adapter.name if adapter is not None else None, 1.0, _ROUTED_BY_CLIENT)
    decision = lineup.decider.decide(request.messages[-1].content, request.messages[:-1])
    lineup = lineup_of(source, lineup.base.name, decision.adapter)
    if decision.adapter is not None and adapter_named(lineup.base, decision.adapter) is None:
        raise UnknownName("adapter", decision.adapter)
    return lineup, decision


def _served(turn: _Turn) -> Served:
    prompt_only = turn.adapter is not None and turn.adapter.gguf is None
    decision = turn.decision
    return Served(
        adapter=decision.adapter,
        base=turn.lineup.base.name,
        engine="llama_cpp",
        confidence=decision.confidence,
        stage=decision.stage,
        prompt_only=prompt_only,
        notice=decision.notice,
    )


def _with_defaults(asked: Sampling, defaults: Sampling) -> Sampling:
    """What was asked for, else the base's default; the stop strings of both."""
    values = {field.name: getattr(asked, field.name) for field in fields(Sampling)}
    filled = {name: getattr(defaults, name) if value is None else value for name, value in values.items()}
    return Sampling(**filled | {"stop": (*defaults.stop, *asked.stop)})


def _file(path: Path) -> tuple[Path, int, int]:
    """What tells that a file was replaced; llama.cpp will complain about one that is missing."""
    try:
        status = path.stat()
    except OSError:
        return (path, 0, 0)
    return (path, status.st_size, status.st_mtime_ns)
