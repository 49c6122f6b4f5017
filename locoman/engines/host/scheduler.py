"""Who asks the engine next, and in which of its KV slots: all rules in one place, without a clock and without waiting.

llama.cpp keys nothing it caches by adapter: not its prompt cache in host memory, not the choice of a slot by likeness of
prompts (llama.cpp #26207, #27148). Answers are right only if a slot's cache is never continued under other weights. So a
slot belongs to one owner (a set of weights) and one conversation at a time; one that changes its owner is told to forget.

llama.cpp computes requests of different owners one after the other, but those of one owner together, and when all cells
of its KV are taken it ends answers that are under way (llama.cpp PR #16736). So one owner's requests run at a time, as many
as there are slots and cells for at their longest; others of the same owner may join and so overtake those that wait for
another, but nobody is overtaken by more than `burst`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

Owner = Hashable


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a conversation: what tells it from others, and its size (any unit)."""

    digest: bytes
    size: int


Conversation = tuple[Turn, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A request: whose weights, which conversation, how many cells of KV at most; `alone`: with nothing else in memory."""

    owner: Owner
    conversation: Conversation
    cells: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """`job` may start in `slot`, once the slots in `erase` are empty; `fresh`: nothing in the slot may be continued."""

    job: Job
    slot: int
    fresh: bool
    erase: tuple[int, ...] = ()


@dataclass(slots=True)
class _Slot:
    """What a slot holds: cells in use by an idle one, cells reserved by a busy one; `blank`: surely nothing."""

    number: int
    blank: bool = True
    owner: Owner = None
    conversation: Conversation = ()
    cells: int = 0
    job: Job | None = None
    used: int = 0

    def clear(self) -> None:
        self.owner, self.conversation, self.cells, self.job = None, (), 0, None


@dataclass(slots=True)
class _Waiting:
    job: Job
    overtaken: int = 0


class Scheduler:
    """Call `ready` after every other call: it tells who may start."""

    def __init__(self, slots: int, cells: int, burst: int) -> None:
        self._slots = [_Slot(number) for number in range(slots)]
        self._budget = cells
        self._burst = burst
        self._waiting: list[_Waiting] = []
        self._running: dict[Job, _Slot] = {}
        self._time = 0

    @property
    def running(self) -> int:
        """Requests that were granted a slot and have not left it."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    @property
    def kept(self) -> int:
        """Idle slots whose conversation could be continued."""
        return sum(1 for slot in self._slots if slot.job is None and slot.conversation)

    def roomy(self, cells: int) -> bool:
        """Whether a job of so many cells could start without anybody giving way, so that its exact size does not matter."""
        return not self._waiting and self._taken() + cells <= self._budget

    def submit(self, job: Job) -> None:
        """Puts `job` at the end of the queue."""
        self._waiting.append(_Waiting(job))

    def ready(self) -> list[Grant]:
        """The jobs that may start now; each must `leave` one day."""
        grants = []
        while (grant := self._next()) is not None:
            grants.append(grant)
        return grants

    def settle(self, job: Job, cells: int) -> None:
        """The cells that a running job may need at most turned out to be another number."""
        if job in self._running:
            self._running[job].cells = min(cells, self._budget)

    def leave(self, job: Job, kept: int | None) -> None:
        """`job` is over, in the queue or in its slot, which keeps `kept` cells; None: nothing there is to be continued."""
        self._waiting = [waiting for waiting in self._waiting if waiting.job is not job]
        slot = self._running.pop(job, None)
        if slot is None:
            return
        if kept is not None:
            slot.job, slot.cells = None, kept
            return
        slot.clear()
        for empty in self._slots:  # it may not have erased what it was to erase
            empty.blank = False

    def _next(self) -> Grant | None:
        for place, waiting in enumerate(self._waiting):
            if self._may_start(waiting.job):
                for passed in self._waiting[:place]:
                    passed.overtaken += 1
                del self._waiting[place]
                return self._start(waiting.job)
            if waiting.overtaken >= self._burst:
                return None
        return None

    def _may_start(self, job: Job) -> bool:
        if not self._running:
            return True
        companion = next(iter(self._running))
        return (
            not (job.alone or companion.alone)
            and job.owner == companion.owner
            and len(self._running) < len(self._slots)
            and sum(slot.cells for slot in self._running.values()) + job.cells <= self._budget
        )

    def _start(self, job: Job) -> Grant:
        slot = self._slot_for(job)
        fresh = job.alone or not slot.conversation or slot.owner != job.owner
        self._time += 1
        slot.owner, slot.conversation, slot.job, slot.used = job.owner, job.conversation, job, self._time
        slot.cells = min(job.cells, self._budget)
        self._running[job] = slot
        erase = self._erase_all(slot) if job.alone else self._make_room()
        slot.blank = False
        return Grant(job, slot.number, fresh, erase)

    def _slot_for(self, job: Job) -> _Slot:
        """The one that holds most of the conversation, else an empty one, else the one not used for longest."""
        idle = sorted((slot for slot in self._slots if slot.job is None), key=lambda slot: slot.used)
        own = [
            slot for slot in idle if slot.owner == job.owner and _worth_continuing(slot.conversation, job.conversation)
        ]
        if own:
            return max(own, key=lambda slot: (_shared(slot.conversation, job.conversation), slot.used))
        return next((slot for slot in idle if not slot.conversation), idle[0])

    def _make_room(self) -> tuple[int, ...]:
        """Empties idle slots, the one not used for longest first, until all fits."""
        erased = []
        for slot in sorted((slot for slot in self._slots if slot.job is None), key=lambda slot: slot.used):
            if slot.conversation and self._taken() > self._budget:
                slot.clear()
                slot.blank = True
                erased.append(slot.number)
        return tuple(erased)

    def _erase_all(self, own: _Slot) -> tuple[int, ...]:
        """Empties every slot, the job's own among them."""
        erased = tuple(slot.number for slot in self._slots if not slot.blank)
        for slot in self._slots:
            if slot is not own:
                slot.clear()
                slot.blank = True
        return erased

    def _taken(self) -> int:
        return sum(slot.cells for slot in self._slots)


def _shared(held: Conversation, asked: Conversation) -> int:
    """The size of the turns that both begin with."""
    size = 0
    for ours, theirs in zip(held, asked, strict=False):
        if ours != theirs:
            break
        size += ours.size
    return size


def _worth_continuing(held: Conversation, asked: Conversation) -> bool:
    """Whether a slot's conversation gives the new one more than is lost by cutting off the rest of it."""
    shared = _shared(held, asked)
    return shared > 0 and 2 * shared >= sum(turn.size for turn in held)
