"""Who may speak with an engine: waits for what the scheduler grants, and turns requests away when too many wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from locoman.engines.host.scheduler import Grant, Job, Scheduler
from locoman.errors import EngineBusy


class Gate:
    """A Scheduler that can be waited for. Whoever came in must leave."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._granted: dict[Job, asyncio.Future[Grant]] = {}

    async def enter(self, job: Job) -> Grant:
        """Waits for the job's turn; one that is cancelled has left."""
        turn: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        self._granted[job] = turn
        self.scheduler.submit(job)
        try:
            self._pass()
            return await turn
        except asyncio.CancelledError:
            self.leave(job, None)
            raise
        finally:
            del self._granted[job]

    def settle(self, job: Job, cells: int) -> None:
        """See Scheduler.settle."""
        self.scheduler.settle(job, cells)
        self._pass()

    def leave(self, job: Job, kept: int | None) -> None:
        """See Scheduler.leave."""
        self.scheduler.leave(job, kept)
        self._pass()

    def _pass(self) -> None:
        for grant in self.scheduler.ready():
            turn = self._granted[grant.job]
            if not turn.done():  # else it is being cancelled, and leaves as soon as it runs
                turn.set_result(grant)


@dataclass(slots=True, eq=False)
class Visit:
    """One request; `answering` once the engine works on it."""

    answering: float | None = None

    def start(self) -> None:
        """The engine begins to work on it."""
        self.answering = _now()


class Visitors:
    """All requests that are here; with `limit` of them waiting the next is turned away."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._here: set[Visit] = set()
        self._typical_seconds = 1.0

    @property
    def answering(self) -> int:
        """Requests that the engine works on."""
        return sum(1 for visit in self._here if visit.answering is not None)

    @property
    def waiting(self) -> int:
        """Requests that wait for a model or for their turn."""
        return len(self._here) - self.answering

    @contextmanager
    def visit(self) -> Iterator[Visit]:
        """Counts a request as long as it is here. Raises EngineBusy."""
        waiting = self.waiting
        if waiting > 0 and waiting >= self._limit:
            raise EngineBusy(max(1, math.ceil(waiting * self._typical_seconds / max(1, self.answering))))
        visit = Visit()
        self._here.add(visit)
        try:
            yield visit
        finally:
            self._here.remove(visit)
            if visit.answering is not None:
                self._typical_seconds += 0.2 * (_now() - visit.answering - self._typical_seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
