"""The bases in memory: loaded when they are asked for, replaced when their files change, and made room for.

A base that has to go, because it is served with other files or another needs its place, takes no new requests; those
that it has are answered first. So nobody waits longer than for the ones before it, and no request fails for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from locoman.contracts import ServedAdapter, ServedBase
from locoman.engines.host.admission import Gate
from locoman.engines.host.launchers.chain import Chain
from locoman.engines.host.launchers.process import Child
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.memory import Machine, budget, cells_for, fits
from locoman.engines.host.options import HostOptions
from locoman.engines.host.plan import LaunchPlan, PlannedFile, batch_of
from locoman.engines.host.scheduler import Scheduler
from locoman.errors import EngineUnavailable

_SPARE = 1.25
"""A loaded adapter takes its file's size and something for its bookkeeping."""


@dataclass(slots=True, eq=False)
class Running:
    """A base in memory. `users` requests wait or are answered; `leaving`: no more are let in."""

    base: ServedBase
    child: Child
    gate: Gate
    doorway: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    leaving: bool = False
    used: int = 0
    overhead: int = 64
    """Tokens of a prompt beyond the bytes of its messages, the most ever seen."""
    unused: asyncio.Event = field(default_factory=asyncio.Event)

    def serves(self, base: ServedBase, lora: PlannedFile | None) -> bool:
        """Whether a request for `base` and the adapter `lora` may be put to it."""
        mine = self.child.plan
        return (
            self.child.alive
            and not self.leaving
            and (mine.chat_template, mine.context) == (base.chat_template, base.context)
            and mine.model == PlannedFile.of(base.gguf)
            and (lora is None or lora in mine.loras)
        )


class Residents:
    """All that is in memory, under one budget; the base not used for longest goes first."""

    def __init__(self, chain: Chain, log: BoundedLog, options: HostOptions, machine: Machine) -> None:
        self._chain = chain
        self._log = log
        self._options = options
        self._machine = machine
        self._running: dict[str, Running] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._one_load = asyncio.Lock()
        self._asked: dict[str, int] = {}
        self._time = 0
        self._closed = False
        self.loads = 0
        """How often a base was loaded."""

    def all(self) -> tuple[Running, ...]:
        """The bases whose process lives."""
        return tuple(running for running in self._running.values() if running.child.alive)

    @asynccontextmanager
    async def using(self, base: ServedBase, adapter: ServedAdapter | None) -> AsyncIterator[Running]:
        """`base` in memory with `adapter`, which stays there as long as it is used. Raises what launching raises."""
        running = await self._ready(base, adapter)
        running.users += 1
        running.unused.clear()
        self._time += 1
        running.used = self._time
        try:
            yield running
        finally:
            running.users -= 1
            if running.users == 0:
                running.unused.set()

    async def give_up(self, running: Running) -> None:
        """Ends a process that is not to be trusted with another request; what it still answers is lost."""
        self.distrust(running)
        await running.child.stop()

    def distrust(self, running: Running) -> None:
        """Lets nobody else ask a process that broke off an answer, or was found dead."""
        if not running.leaving and not self._closed:
            self._chain.crashed(running.child)
        running.leaving = True

    async def unload(self) -> None:
        """Ends all processes as soon as their requests are answered; the next one starts them again."""
        async with self._one_load:
            for running in list(self._running.values()):
                await self._retire(running)

    async def close(self) -> None:
        """Ends all processes and lets nobody load another."""
        self._closed = True
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)
        await asyncio.gather(*(self.give_up(running) for running in self._running.values()))
        self._running.clear()

    async def _ready(self, base: ServedBase, adapter: ServedAdapter | None) -> Running:
        lora = PlannedFile.of(adapter.gguf) if adapter is not None and adapter.gguf is not None else None
        while True:
            if lora is not None:
                self._time += 1
                self._asked[lora.path] = self._time
            running = self._running.get(base.name)
            if running is not None and running.serves(base, lora):
                running.base = base
                return running
            if base.name not in self._loading:
                self._loading[base.name] = task = asyncio.create_task(self._replace(base))
                task.add_done_callback(partial(self._loaded, base.name))
            loading = self._loading[base.name]
            try:
                await asyncio.shield(loading)
            except asyncio.CancelledError:
                if loading.cancelled():
                    raise EngineUnavailable("The host is about to end.") from None
                raise

    def _loaded(self, name: str, task: asyncio.Task[None]) -> None:
        self._loading.pop(name, None)
        if not task.cancelled():
            task.exception()  # whoever still waits gets it from the task; nobody may

    async def _replace(self, base: ServedBase) -> None:
        """Loads `base` in place of what runs under its name."""
        async with self._one_load:
            if base.name in self._running:
                await self._retire(self._running[base.name])
            if self._closed:
                raise EngineUnavailable("The host is about to end.")
            plan = self._plan(base, await asyncio.to_thread(cells_for, base.gguf, base.context))
            await self._make_room(max(base.memory, plan.model.bytes) + _bytes(plan.loras))
            child = await self._chain.launch(plan, self._log)
            self.loads += 1
            scheduler = Scheduler(plan.slots, plan.cells, self._options.burst)
            self._running[base.name] = Running(base, child, Gate(scheduler))

    async def _make_room(self, need: int) -> None:
        while others := sorted(self._running.values(), key=lambda running: running.used):
            used = sum(running.child.memory() for running in others)
            if fits(self._machine, need, used, self._options.memory):
                return
            await self._retire(others[0])

    async def _retire(self, running: Running) -> None:
        running.leaving = True
        if running.users:
            await running.unused.wait()
        await running.child.stop()
        self._running.pop(running.base.name, None)

    def _plan(self, base: ServedBase, cells: int) -> LaunchPlan:
        """What is to be loaded for `base`: all its adapters, or those asked for last where memory is short."""
        model = PlannedFile.of(base.gguf)
        loras = {
            str(adapter.gguf): PlannedFile.of(adapter.gguf) for adapter in base.adapters if adapter.gguf is not None
        }
        room = budget(self._machine, self._options.memory) - max(base.memory, model.bytes)
        if _bytes(loras.values()) > room:
            wanted = sorted(loras, key=lambda path: self._asked.get(path, 0), reverse=True)
            loras = {path: loras[path] for path in _first_that_fit(wanted, loras, room)}
        return LaunchPlan(
            model=model,
            chat_template=base.chat_template,
            context=base.context,
            cells=cells,
            slots=self._options.max_slots,
            threads=self._options.threads,
            loras=tuple(loras.values()),
            batch=batch_of(model),
        )


def _bytes(loras: Iterable[PlannedFile]) -> int:
    return int(sum(lora.bytes for lora in loras) * _SPARE)


def _first_that_fit(wanted: Sequence[str], loras: Mapping[str, PlannedFile], room: int) -> Iterator[str]:
    """The first of `wanted` in any case: a request waits for it."""
    for number, path in enumerate(wanted):
        room -= _bytes((loras[path],))
        if room < 0 and number > 0:
            return
        yield path
