from __future__ import annotations

import asyncio

import pytest

from locoman.engines.host.admission import Turnstile
from locoman.errors import EngineBusy


def test_one_at_a_time_in_the_order_of_arrival() -> None:
    order: list[str] = []

    async def pass_through(turnstile: Turnstile, name: str) -> None:
        async with turnstile.turn():
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    async def scenario() -> bool:
        turnstile = Turnstile(10)
        await asyncio.gather(*(pass_through(turnstile, name) for name in "abc"))
        return turnstile.busy

    assert asyncio.run(scenario()) is False
    assert order == ["a in", "a out", "b in", "b out", "c in", "c out"]


def test_with_the_queue_full_the_next_is_told_when_to_come_back() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(2)
        release = asyncio.Event()

        async def hold() -> None:
            async with turnstile.turn():
                await release.wait()

        inside = [asyncio.create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(EngineBusy) as caught:
            async with turnstile.turn():
                pass
        assert caught.value.retry_after >= 1
        release.set()
        await asyncio.gather(*inside)
        async with turnstile.turn():  # and there is room again
            pass

    asyncio.run(scenario())


def test_one_that_gives_up_waiting_leaves_its_place() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(5)
        async with turnstile.turn():
            waiting = asyncio.create_task(turnstile.turn().__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        assert not turnstile.busy

    asyncio.run(scenario())
