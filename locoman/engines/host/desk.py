"""The heart of the host: takes a request, finds out who answers it, and streams the answer."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import psutil

from locoman.contracts import (
    Chunk,
    Decision,
    Lineup,
    LineupSource,
    Request,
    ResidentBase,
    Served,
    ServedAdapter,
    ServedBase,
)
from locoman.engines.host.admission import Turnstile
from locoman.engines.host.launch import Child, Launcher
from locoman.engines.host.lineup import adapter_named, chosen_adapter, launch_plan, loaded_names, sampling_fields
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.metrics import DeskState
from locoman.engines.host.options import HostOptions
from locoman.engines.host.prompting import prompted
from locoman.engines.host.slots import SlotTable, lora_list
from locoman.engines.host.stream import Clock, chunks, since
from locoman.errors import EngineLost, EngineUnavailable, UnknownName
from locoman.names import ModelName

_ASKED = "asked"
"""The stage of a decision that the client made itself by naming a model."""


@dataclass(slots=True)
class _Running:
    """A base in memory: what it was started for, the process, and who owns which of its slots."""

    base: ServedBase
    child: Child
    slots: SlotTable


class Desk:
    """Answers requests one after the other from a lineup that may change between them."""

    def __init__(self, source: LineupSource, launcher: Launcher, log: BoundedLog, options: HostOptions) -> None:
        self._source = source
        self._launcher = launcher
        self._log = log
        self._threads = options.threads or physical_cores()
        self._turnstile = Turnstile(options.queue_limit)
        self._max_slots = options.max_slots
        self._reading = asyncio.Lock()
        self._running: _Running | None = None
        self._closed = False
        self._loads = 0

    @property
    def busy(self) -> bool:
        """Whether a request is being answered or waits."""
        return self._turnstile.busy

    async def lineup(self) -> Lineup:
        """What is served at this moment. Raises what LineupSource.current raises."""
        async with self._reading:
            return await asyncio.to_thread(self._source.current)

    def resident(self) -> tuple[ResidentBase, ...]:
        """The bases in memory."""
        running = self._running
        if running is None or not running.child.alive:
            return ()
        return (ResidentBase(running.base.name, loaded_names(running.base), running.child.memory()),)

    async def answer(self, request: Request) -> AsyncGenerator[Chunk]:
        """Streams the answer: first who serves, then text, last finish, timing and usage. Closing it stops the engine.

        Raises UnknownName, EngineBusy, ContextExceeded, EngineError, MissingPrerequisite and what the source raises.
        """
        begun = time.perf_counter()
        if self.busy:  # an unknown name need not wait for its turn
            chosen_adapter((await self.lineup()).base, request.model)
        async with self._turnstile.turn():
            lineup = await self.lineup()
            decision = await _decide(lineup, request)
            adapter = adapter_named(lineup.base, decision.adapter)
            served = Served(
                adapter=decision.adapter,
                base=lineup.base.name,
                engine="host",
                confidence=decision.confidence,
                stage=decision.stage,
                prompt_only=adapter is not None and adapter.gguf is None,
            )
            before_load = time.perf_counter()
            await self._ready(lineup.base)
            clock = Clock(begun, decision.route_ms, since(before_load))
            try:
                async with aclosing(self._events(lineup.base, request, adapter)) as events:
                    async for chunk in chunks(events, served, clock):
                        yield chunk
            except EngineLost:
                await self._unload()  # whatever is left of it is not to be trusted with the next request
                raise

    async def load(self, model: ModelName) -> None:
        """Brings into memory what `model` needs, without asking it. Raises what `answer` raises."""
        async with self._turnstile.turn():
            lineup = await self.lineup()
            chosen_adapter(lineup.base, model)
            await self._ready(lineup.base)

    async def unload(self) -> None:
        """Frees the memory; the next request loads again. Raises EngineBusy."""
        async with self._turnstile.turn():
            await self._unload()

    def state(self) -> DeskState:
        """What is in memory and who is here at this moment."""
        slots, owned = self._running.slots.occupancy if self._running is not None else (0, 0)
        here = self._turnstile.inside
        return DeskState(self.resident(), slots, owned, min(here, 1), max(0, here - 1), self._loads)

    async def close(self) -> None:
        """Ends the engine's process and refuses all further requests: the host is about to end."""
        self._closed = True
        await self._unload()

    async def _unload(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.child.stop()

    async def _ready(self, base: ServedBase) -> _Running:
        """The running engine for `base`, started anew when it died or when other files are to be served."""
        plan = launch_plan(base, self._threads, self._max_slots)
        running = self._running
        if running is not None and running.child.alive and running.child.plan == plan:
            running.base = base
            return running
        if self._closed:
            raise EngineUnavailable("The host is about to end.")
        await self._unload()
        self._loads += 1
        self._running = _Running(base, await self._launcher.launch(plan, self._log), SlotTable(plan.slots))
        return self._running

    async def _events(
        self, base: ServedBase, request: Request, adapter: ServedAdapter | None
    ) -> AsyncGenerator[dict[str, Any]]:
        """llama.cpp's events. An engine that turns out to be dead before it begins to answer is replaced once."""
        for last_try in (False, True):
            running = await self._ready(base)
            try:
                async with aclosing(running.child.events(_body(running, request, adapter))) as events:
                    async for event in events:
                        yield event
                return
            except ConnectionError as error:
                await self._unload()
                if last_try:
                    raise EngineLost("The engine went away before it could answer, twice in a row.") from error


def _body(running: _Running, request: Request, adapter: ServedAdapter | None) -> dict[str, Any]:
    """The request as llama.cpp's server takes it."""
    owner = adapter.name if adapter is not None else None
    slot = running.slots.assign(owner)
    return {
        "messages": [{"role": turn.role, "content": turn.content} for turn in prompted(request.messages, adapter)],
        "id_slot": slot.number,
        "lora": lora_list(loaded_names(running.base), owner, adapter.scale if adapter is not None else 0.0),
        "cache_prompt": not slot.fresh,
        "stream_options": {"include_usage": True},
        **sampling_fields(running.base, request.sampling),
    }


async def _decide(lineup: Lineup, request: Request) -> Decision:
    """The router's decision for "auto", the client's own otherwise. Raises UnknownName."""
    adapter = chosen_adapter(lineup.base, request.model)
    if request.model.kind != "auto":
        return Decision(adapter.name if adapter is not None else None, 1.0, _ASKED)
    decision = await asyncio.to_thread(lineup.decider.decide, request.messages[-1].content, request.messages[:-1])
    if decision.adapter is not None and adapter_named(lineup.base, decision.adapter) is None:
        raise UnknownName("adapter", decision.adapter)
    return decision


def physical_cores() -> int:
    """The cores this process may use, hyper-threads not counted."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))
