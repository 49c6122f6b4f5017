from __future__ import annotations

import asyncio

import pytest

from locoman.engines.host.admission import Gate, Visitors
from locoman.engines.host.scheduler import Job, Scheduler, Turn
from locoman.errors import EngineBusy

HELLO = (Turn(b"hello", 5),)


def gate() -> Gate:
    return Gate(Scheduler(2, 100, 4))


def test_one_owner_after_the_other_in_the_order_of_arrival() -> None:
    order: list[str] = []

    async def pass_through(way: Gate, name: str) -> None:
        job = Job(name, HELLO, 10)
        await way.enter(job)
        order.append(f"{name} in")
        await asyncio.sleep(0)
        order.append(f"{name} out")
        way.leave(job, 10)

    async def scenario() -> None:
        way = gate()
        await asyncio.gather(*(pass_through(way, name) for name in "abc"))
        assert way.scheduler.running == way.scheduler.waiting == 0

    asyncio.run(scenario())
    assert order == ["a in", "a out", "b in", "b out", "c in", "c out"]


@pytest.mark.parametrize("granted", [False, True], ids=["while it waits", "in the moment of its turn"])
def test_one_that_is_cancelled_leaves_its_place(granted: bool) -> None:
    async def scenario() -> None:
        way = gate()
        first = Job("a", HELLO, 10)
        await way.enter(first)
        waiting = asyncio.create_task(way.enter(Job("b", HELLO, 10)))
        await asyncio.sleep(0)
        if granted:
            way.leave(first, 10)
            waiting.cancel()
        else:
            waiting.cancel()
            await asyncio.wait([waiting])
            way.leave(first, 10)
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert way.scheduler.running == way.scheduler.waiting == 0

    asyncio.run(scenario())


def test_with_the_queue_full_the_next_is_told_when_to_come_back() -> None:
    async def scenario() -> None:
        visitors = Visitors(2)
        with visitors.visit() as first:
            first.start()
            with visitors.visit(), visitors.visit():
                assert (visitors.answering, visitors.waiting) == (1, 2)
                with pytest.raises(EngineBusy) as caught, visitors.visit():
                    pass
                assert caught.value.retry_after >= 1
            with visitors.visit():  # and there is room again
                pass
        assert (visitors.answering, visitors.waiting) == (0, 0)

    asyncio.run(scenario())
