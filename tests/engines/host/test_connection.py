"""Connections with limits, around an application that sends more than any buffer holds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from locoman.engines.host.connection import timed_connection

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
MEGABYTES = 64


class Flood:
    """An application that answers with many megabytes: `told` of them were taken; `ended` when it was let go."""

    def __init__(self) -> None:
        self.told = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(self._watch(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while self.told < MEGABYTES and not self.ended.is_set():
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
            self.told += 1
        await send({"type": "http.response.body", "body": b""})
        gone.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ended.set()


def beside(application: Any, test: Callable[[tuple[str, int]], Awaitable[None]]) -> None:
    """Runs `test` beside a server that gives up after half a second."""

    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        kind = timed_connection(head_seconds=0.5, write_seconds=0.5)
        options: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_config": None, "timeout_graceful_shutdown": 1}
        server = uvicorn.Server(uvicorn.Config(application, http=kind, **options))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(test(listener.getsockname()), 30)
        finally:
            server.should_exit = True
            await serving
            listener.close()

    asyncio.run(run())


async def connect(address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*address, limit=1 << 16)


def test_a_reader_that_takes_nothing_is_cut() -> None:
    flood = Flood()

    async def test(address: tuple[str, int]) -> None:
        reader, writer = await connect(address)
        writer.write(GET)
        await reader.read(10)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.wait_for(flood.ended.wait(), 10)
        assert flood.told < MEGABYTES
        writer.transport.abort()

    beside(flood, test)


def test_a_slow_reader_that_takes_a_little_now_and_then_gets_all() -> None:
    flood = Flood()

    async def test(address: tuple[str, int]) -> None:
        reader, writer = await connect(address)
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        for _ in range(MEGABYTES // 4):
            await reader.readexactly(4_000_000)
            await asyncio.sleep(0.1)
        assert flood.told == MEGABYTES
        writer.transport.abort()

    beside(flood, test)


def test_a_head_that_does_not_come_is_not_waited_for() -> None:
    flood = Flood()

    async def test(address: tuple[str, int]) -> None:
        for begun in (b"", GET[:10]):
            reader, writer = await connect(address)
            writer.write(begun)
            assert await reader.read() == b""
            writer.transport.abort()
        assert flood.told == 0

    beside(flood, test)


def test_a_body_may_take_longer_than_a_head() -> None:
    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def test(address: tuple[str, int]) -> None:
        reader, writer = await connect(address)
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na")
        await asyncio.sleep(1.2)
        writer.write(b"bc")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.transport.abort()

    beside(patient, test)
