"""The rules of the scheduler, on a simulated engine: what is granted, what it may not do, and that all come to their turn."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from locoman.engines.host.scheduler import Conversation, Grant, Job, Scheduler, Turn


def conversation(*texts: str) -> Conversation:
    return tuple(Turn(text.encode(), len(text)) for text in texts)


def job(owner: str | None, *texts: str, cells: int = 10, alone: bool = False) -> Job:
    return Job(owner, conversation(*(texts or ("question",))), cells, alone)


def run(scheduler: Scheduler, one: Job, kept: int = 10) -> Grant:
    """Lets one job through an idle scheduler."""
    scheduler.submit(one)
    (grant,) = scheduler.ready()
    scheduler.leave(one, kept)
    return grant


def test_coming_back_to_a_conversation_finds_its_slot() -> None:
    scheduler = Scheduler(4, 1000, 4)
    first = run(scheduler, job("a", "hello"))
    run(scheduler, job("b", "hello"))
    run(scheduler, job("a", "something else altogether"))
    again = run(scheduler, job("a", "hello", "hi", "how are you"))
    assert first.fresh
    assert (again.slot, again.fresh) == (first.slot, False)


def test_the_longest_shared_beginning_wins() -> None:
    scheduler = Scheduler(4, 1000, 4)
    run(scheduler, job("a", "x", "short"))
    longer = run(scheduler, job("a", "y", "answer", "z"))
    assert run(scheduler, job("a", "y", "answer", "z", "more")).slot == longer.slot


def test_a_conversation_is_not_cut_off_for_a_short_beginning_that_is_shared() -> None:
    scheduler = Scheduler(4, 1000, 4)
    chat = run(scheduler, job("a", "system", "a long question, and then a long answer to it"))
    other = run(scheduler, job("a", "system", "unrelated"))
    assert other.slot != chat.slot
    assert not run(scheduler, job("a", "system", "a long question, and then a long answer to it", "go on")).fresh


def test_a_long_beginning_that_is_shared_is_reused_by_the_next_question() -> None:
    scheduler = Scheduler(4, 1000, 4)
    first = run(scheduler, job("a", "a system message of some length", "one"))
    second = run(scheduler, job("a", "a system message of some length", "two"))
    assert (second.slot, second.fresh) == (first.slot, False)


def test_the_slot_not_used_for_longest_changes_hands_and_is_told_to_forget() -> None:
    scheduler = Scheduler(2, 1000, 4)
    slots = {owner: run(scheduler, job(owner)).slot for owner in "ab"}
    run(scheduler, job("a"))
    third = run(scheduler, job("c"))
    assert (third.slot, third.fresh) == (slots["b"], True)
    assert not run(scheduler, job("a")).fresh


def test_when_cells_run_out_the_oldest_idle_slots_are_erased() -> None:
    scheduler = Scheduler(8, 100, 4)
    slots = [run(scheduler, job(owner, cells=30), kept=30).slot for owner in "abc"]
    assert run(scheduler, job("d", cells=50), kept=50).erase == tuple(slots[:2])
    assert run(scheduler, job("a")).fresh


def test_requests_of_one_owner_run_together_and_those_of_another_wait() -> None:
    scheduler = Scheduler(4, 100, 4)
    first, other, second = job("a", "1"), job("b", "2"), job("a", "3")
    for each in (first, other, second):
        scheduler.submit(each)
    assert [grant.job for grant in scheduler.ready()] == [first, second]
    scheduler.leave(first, 10)
    assert scheduler.ready() == []
    scheduler.leave(second, 10)
    assert [grant.job for grant in scheduler.ready()] == [other]


def test_no_more_than_the_cells_hold_at_their_longest() -> None:
    scheduler = Scheduler(4, 100, 4)
    jobs = [job("a", str(number), cells=40) for number in range(3)]
    for each in jobs:
        scheduler.submit(each)
    assert [grant.job for grant in scheduler.ready()] == jobs[:2]
    scheduler.settle(jobs[0], 20)
    assert [grant.job for grant in scheduler.ready()] == jobs[2:]


def test_a_job_larger_than_all_cells_still_gets_its_turn_by_itself() -> None:
    scheduler = Scheduler(4, 100, 4)
    assert run(scheduler, job("a", cells=5000)).fresh


def test_alone_means_with_nothing_else_in_memory() -> None:
    scheduler = Scheduler(3, 100, 4)
    kept = {run(scheduler, job(owner)).slot for owner in "ab"}
    quiet, loud = job("a", "quiet", alone=True), job("a", "loud")
    scheduler.submit(quiet)
    scheduler.submit(loud)
    (grant,) = scheduler.ready()
    assert (grant.job, grant.fresh) == (quiet, True)
    assert set(grant.erase) == kept
    scheduler.leave(quiet, 10)
    assert [grant.job for grant in scheduler.ready()] == [loud]


def test_what_was_broken_off_is_never_continued() -> None:
    scheduler = Scheduler(1, 100, 4)
    broken = job("a")
    scheduler.submit(broken)
    scheduler.ready()
    scheduler.leave(broken, None)
    assert run(scheduler, job("a")).fresh


def test_one_that_gives_up_waiting_leaves_its_place() -> None:
    scheduler = Scheduler(1, 100, 4)
    running, gone, last = job("a"), job("b"), job("c")
    for each in (running, gone, last):
        scheduler.submit(each)
    scheduler.ready()
    scheduler.leave(gone, None)
    scheduler.leave(running, 10)
    assert [grant.job for grant in scheduler.ready()] == [last]


# --- anything may happen ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arrival:
    """A request of the simulation: it comes at `at`, works for `lasts` once granted; `broken`: is broken off then."""

    at: int
    owner: str | None
    topic: int
    turns: int
    cells: int
    lasts: int
    alone: bool
    broken: bool


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        at=st.integers(0, 60),
        owner=st.sampled_from([None, "a", "b", "c", "d"]),
        topic=st.integers(0, 3),
        turns=st.integers(1, 4),
        cells=st.integers(1, 70),
        lasts=st.integers(1, 20),
        alone=st.sampled_from([False] * 9 + [True]),
        broken=st.sampled_from([False] * 5 + [True]),
    ),
    max_size=50,
)


@dataclass
class Simulation:
    """An engine with a clock, and what is really in its slots."""

    slots: int
    cells: int
    burst: int
    holds: dict[int, tuple[str | None, int]] = field(default_factory=dict)
    busy: dict[int, Job] = field(default_factory=dict)
    started: list[Job] = field(default_factory=list)

    def play(self, arrivals: Sequence[Arrival]) -> list[Job]:
        """All jobs in the order of their arrival; checks every grant."""
        scheduler = Scheduler(self.slots, self.cells, self.burst)
        ordered = sorted(arrivals, key=lambda arrival: arrival.at)
        jobs = [_job_of(arrival) for arrival in ordered]
        events = [(arrival.at, number, "comes") for number, arrival in enumerate(ordered)]
        heapq.heapify(events)
        while events:
            now, number, what = heapq.heappop(events)
            one, arrival = jobs[number], ordered[number]
            if what == "comes":
                scheduler.submit(one)
            else:
                slot = next(slot for slot, busy in self.busy.items() if busy is one)
                del self.busy[slot]
                kept = None if arrival.broken else one.cells // 2
                self.holds[slot] = (one.owner, one.cells // 2)
                if kept is None:
                    del self.holds[slot]  # the desk erases it
                scheduler.leave(one, kept)
            for grant in scheduler.ready():
                self.start(grant)
                index = next(index for index, each in enumerate(jobs) if each is grant.job)
                heapq.heappush(events, (now + ordered[index].lasts, index, "ends"))
        assert scheduler.running == scheduler.waiting == 0
        return jobs

    def start(self, grant: Grant) -> None:
        one = grant.job
        assert 0 <= grant.slot < self.slots
        assert grant.slot not in self.busy
        for slot in grant.erase:
            assert slot not in self.busy
            self.holds.pop(slot, None)
        if not grant.fresh:
            assert self.holds[grant.slot][0] == one.owner
        self.holds.pop(grant.slot, None)
        self.busy[grant.slot] = one
        self.started.append(one)
        assert {job.owner for job in self.busy.values()} == {one.owner}
        if one.alone:
            assert self.holds == {}
        if any(job.alone for job in self.busy.values()):
            assert len(self.busy) == 1
        reserved = sum(min(job.cells, self.cells) for job in self.busy.values())
        assert reserved + sum(cells for _, cells in self.holds.values()) <= self.cells


def _job_of(arrival: Arrival) -> Job:
    turns = tuple(Turn(bytes((arrival.topic, number)), 5) for number in range(arrival.turns))
    return Job(arrival.owner, turns, arrival.cells, arrival.alone)


@given(st.integers(1, 6), st.integers(40, 200), st.integers(0, 5), ARRIVALS)
def test_whatever_comes_all_is_answered_and_nobody_is_overtaken_by_more_than_a_burst(
    slots: int, cells: int, burst: int, arrivals: list[Arrival]
) -> None:
    simulation = Simulation(slots, cells, burst)
    jobs = simulation.play(arrivals)
    assert set(simulation.started) == set(jobs)
    order = {one: number for number, one in enumerate(simulation.started)}
    for arrived, one in enumerate(jobs):
        assert sum(1 for later in jobs[arrived + 1 :] if order[later] < order[one]) <= burst
