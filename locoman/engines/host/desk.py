"""The heart of the host: takes a request, finds out who answers it, and streams the answer."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

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
from locoman.engines.choosing import shares, spelled
from locoman.engines.host.admission import Visit, Visitors
from locoman.engines.host.choosing import with_room, written
from locoman.engines.host.launchers.chain import Chain
from locoman.engines.host.lineup import adapter_named, chosen_adapter, lineup_of, resident_names
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.memory import ThisMachine
from locoman.engines.host.metrics import DeskState
from locoman.engines.host.options import HostOptions
from locoman.engines.host.residents import Residents
from locoman.engines.host.seat import Seating
from locoman.engines.host.stream import Clock, chunks
from locoman.errors import EngineLost, UnknownName
from locoman.names import BaseRef, ModelName

_ASKED = "asked"
"""The stage of a decision that the client made itself by naming a model."""


class Desk:
    """Answers requests from a lineup that may change between them."""

    def __init__(self, source: LineupSource, chain: Chain, log: BoundedLog, options: HostOptions) -> None:
        options = replace(options, threads=options.threads or physical_cores())
        self._source = source
        self._visitors = Visitors(options.queue_limit)
        self._residents = Residents(chain, log, options, ThisMachine())
        self._seating = Seating(self._residents, options.serial)
        self._reading = asyncio.Lock()
        self._routing = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether a request is being answered or waits."""
        return self._visitors.waiting + self._visitors.answering > 0

    @property
    def answering(self) -> int:
        """Requests that the engine works on."""
        return self._visitors.answering

    async def lineup(self, model: ModelName | None = None) -> Lineup:
        """What is served at this moment where `model` answers: on the base that it names, else on the one in use or on that
        which has its adapter. Raises what LineupSource.current raises."""
        base = model.base.name if model is not None and model.base is not None else None
        adapter = model.adapter.name if model is not None and model.adapter is not None else None
        return await self._lineup_of(base, adapter)

    async def lineups(self) -> tuple[Lineup, ...]:
        """Of all bases that can be asked, the one in use first. Raises what LineupSource.current raises."""
        first = await self.lineup()
        return (first, *[await self.lineup(ModelName("base", base=BaseRef(name))) for name in first.others])

    def resident(self) -> tuple[ResidentBase, ...]:
        """The bases in memory."""
        return tuple(
            ResidentBase(
                name=running.base.name,
                adapters=resident_names(running.base, running.child.plan),
                bytes=running.child.memory(),
                launcher=running.child.launcher,
                refused=running.child.refused,
            )
            for running in self._residents.all()
        )

    async def answer(self, request: Request) -> AsyncGenerator[Chunk]:
        """Streams the answer: first who serves, then text, last finish, timing and usage. Closing it stops the engine.

        Raises UnknownName, EngineBusy, ContextExceeded, EngineError, MissingPrerequisite and what the source raises.
        """
        begun = time.perf_counter()
        with self._visitors.visit() as visit:
            lineup, decision = await self._decide(request)
            adapter = adapter_named(lineup.base, decision.adapter)
            served = Served(
                adapter=decision.adapter,
                base=lineup.base.name,
                engine="host",
                confidence=decision.confidence,
                stage=decision.stage,
                prompt_only=adapter is not None and adapter.gguf is None,
                notice=decision.notice,
            )
            clock = Clock(begun, decision.route_ms)
            async with aclosing(self._chunks(lineup.base, request, adapter, served, visit, clock)) as answer:
                async for chunk in answer:
                    yield chunk

    async def choose(self, request: Request, options: Sequence[str]) -> tuple[float, ...]:
        """See contracts.Engine.choose; `options` are checked. Raises what `answer` raises."""
        if not options:
            return ()
        with self._visitors.visit() as visit:
            lineup, decision = await self._decide(request)
            adapter = adapter_named(lineup.base, decision.adapter)
            tokens = await self._written(lineup.base, with_room(request, options), adapter, visit, options)
            return shares([spelled(option, found) for option, found in zip(options, tokens, strict=True)])

    async def route(self, request: Request) -> Decision:
        """Who would answer; nobody is asked, and nothing is loaded. Raises UnknownName and what the source raises."""
        _, decision = await self._decide(request)
        return decision

    async def load(self, model: ModelName) -> None:
        """Brings into memory what `model` needs, without asking it. Raises what `answer` raises."""
        with self._visitors.visit():
            lineup = await self.lineup(model)
            async with self._residents.using(lineup.base, chosen_adapter(lineup.base, model)):
                pass

    async def unload(self) -> None:
        """Frees the memory when what is being answered is answered; the next request loads again."""
        await self._residents.unload()

    def state(self) -> DeskState:
        """What is in memory and who is here at this moment."""
        running = self._residents.all()
        schedulers = [resident.gate.scheduler for resident in running]
        return DeskState(
            bases=self.resident(),
            slots=sum(resident.child.plan.slots for resident in running),
            owned=sum(scheduler.running + scheduler.kept for scheduler in schedulers),
            answering=self._visitors.answering,
            waiting=self._visitors.waiting,
            loads=self._residents.loads,
        )

    async def close(self) -> None:
        """Ends the engine's processes and refuses all further requests: the host is about to end."""
        await self._residents.close()
        await self._seating.close()

    async def _lineup_of(self, base: str | None, adapter: str | None) -> Lineup:
        async with self._reading:
            return await asyncio.to_thread(lineup_of, self._source, base, adapter)

    async def _decide(self, request: Request) -> tuple[Lineup, Decision]:
        """The router's decision for "auto", the client's own otherwise, and where it answers. Raises UnknownName."""
        lineup = await self.lineup(request.model)
        adapter = chosen_adapter(lineup.base, request.model)
        if request.model.kind != "auto":
            return lineup, Decision(adapter.name if adapter is not None else None, 1.0, _ASKED)
        async with self._routing:
            decision = await asyncio.to_thread(
                lineup.decider.decide, request.messages[-1].content, request.messages[:-1]
            )
        if decision.adapter in lineup.elsewhere:
            lineup = await self._lineup_of(lineup.base.name, decision.adapter)
        if decision.adapter is not None and adapter_named(lineup.base, decision.adapter) is None:
            raise UnknownName("adapter", decision.adapter)
        return lineup, decision

    async def _chunks(
        self,
        base: ServedBase,
        request: Request,
        adapter: ServedAdapter | None,
        served: Served,
        visit: Visit,
        clock: Clock,
    ) -> AsyncGenerator[Chunk]:
        """The answer. An engine that turns out to be dead before it begins is replaced once; one that sends what is no
        answer fails in its seat, so that nobody else is put there."""
        for last_try in (False, True):
            try:
                async with self._seating.seat(base, request, adapter) as seat:
                    clock.load_ms += seat.load_ms
                    visit.start()
                    async with (
                        aclosing(seat.events(seat.body)) as events,
                        aclosing(chunks(events, served, clock)) as answer,
                    ):
                        async for chunk in answer:
                            yield chunk
                return
            except ConnectionError as error:
                if last_try:
                    raise EngineLost("The engine went away before it could answer, twice in a row.") from error

    async def _written(
        self, base: ServedBase, request: Request, adapter: ServedAdapter | None, visit: Visit, options: Sequence[str]
    ) -> list[list[object]]:
        """See `choosing.written`. An engine that turns out to be dead is replaced once."""
        for last_try in (False, True):
            try:
                async with self._seating.seat(base, request, adapter) as seat:
                    visit.start()
                    return await written(seat.events, seat.body, options)
            except ConnectionError as error:
                if last_try:
                    raise EngineLost("The engine went away before it could answer, twice in a row.") from error
        raise AssertionError


def physical_cores() -> int:
    """The cores this process may use, hyper-threads not counted."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))
