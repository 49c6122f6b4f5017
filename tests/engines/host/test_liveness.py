from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from locoman.engines.host import liveness
from locoman.engines.host.liveness import Liveness


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_LEAST", 0.05)
    monkeypatch.setattr(liveness, "_POLL", 0.02)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def never() -> bool:
    return False


def test_the_time_is_up_some_time_after_the_last_touch() -> None:
    async def test() -> None:
        subject = Liveness(0.2)
        begun = time.monotonic()
        assert await subject.until_idle(never)
        assert time.monotonic() - begun >= 0.2

    run(test)


def test_whoever_is_busy_is_waited_for() -> None:
    async def test() -> None:
        subject = Liveness(0.0)
        until = time.monotonic() + 0.3
        assert await subject.until_idle(lambda: time.monotonic() < until)
        assert time.monotonic() >= until

    run(test)


def test_stop_ends_the_wait_at_once() -> None:
    async def test() -> None:
        subject = Liveness(None)
        asyncio.get_running_loop().call_later(0.05, subject.stop)
        assert not await subject.until_idle(never)
        assert not await subject.until_idle(never)

    run(test)


def test_a_request_brings_its_own_time_for_once() -> None:
    async def test() -> None:
        subject = Liveness(None)
        assert subject.idle_until(100.0) is None
        subject.touch(50.0)
        assert subject.idle_until(100.0) == pytest.approx(150.0, abs=1.0)
        subject.touch()
        assert subject.idle_until(100.0) is None
        subject = Liveness(0.1)
        subject.touch(math.inf)
        assert subject.idle_until(100.0) is None
        subject.touch(0.0)
        assert await subject.until_idle(never)

    run(test)


def test_a_shorter_time_wakes_the_wait() -> None:
    async def test() -> None:
        subject = Liveness(None)
        asyncio.get_running_loop().call_later(0.05, subject.touch, 0.0)
        assert await subject.until_idle(never)

    run(test)


def test_the_time_is_up_once_for_each_touch() -> None:
    async def test() -> None:
        subject = Liveness(None)
        subject.touch(0.0)
        assert await subject.until_idle(never)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(subject.until_idle(never), 0.2)
        subject.touch(0.0)
        assert await subject.until_idle(never)

    run(test)
