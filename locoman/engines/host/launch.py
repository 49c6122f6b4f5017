"""Starts the process that holds a model and speaks with it. `Launcher` is the seam for other llama.cpp servers."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import h11
import psutil

from locoman.engines.host.exchange import Exchange
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.spawn import no_window
from locoman.errors import (
    ContextExceeded,
    EngineLost,
    EngineUnavailable,
    LocomanError,
    MissingPrerequisite,
    RequestRefused,
)

_MAX_EVENT_BYTES = 1 << 20
_SILENCE = 900.0
"""Seconds without a byte from llama.cpp after which it is given up; a long prompt on a slow processor takes minutes."""
_SERIOUS = re.compile(r"GGML_ASSERT|terminate called|what\(\):|Segmentation|illegal instruction", re.IGNORECASE)
_ERROR_LINE = re.compile(r"[\d.]+ E (?P<text>.+)")


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What the process loads. `context` tokens of KV are shared by all `slots`; `loras` are numbered in their order.

    `contents` has the size and modification time of every file, so that a plan with a replaced file is another plan.
    """

    model: str
    chat_template: str
    context: int
    slots: int
    loras: tuple[str, ...]
    threads: int
    contents: tuple[tuple[int, int], ...] = ()


class Launcher(Protocol):
    """A way to run llama.cpp's server."""

    name: str

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Child:
        """Returns when the model is loaded. Raises MissingPrerequisite, EngineUnavailable."""
        ...


class Child:
    """A running llama.cpp server."""

    def __init__(self, plan: LaunchPlan, process: asyncio.subprocess.Process, pump: asyncio.Task[None]) -> None:
        self.plan = plan
        self._process = process
        self._pump = pump
        self._address = ("", 0)
        self._key = ""

    def connect(self, url: str, key: str) -> None:
        """Remembers where the server listens; called once, when it is ready."""
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._key = key

    @property
    def pid(self) -> int:
        """For tests and people."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.returncode is None

    def memory(self) -> int:
        """Resident bytes; 0 when it is gone."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    async def events(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The events of a streamed chat completion; closing the iterator makes llama.cpp stop.

        Raises ConnectionError when it went away before it began to answer, EngineLost when later, RequestRefused.
        """
        data = json.dumps({**body, "stream": True}).encode()
        try:
            exchange = await Exchange.post(self._address, "/v1/chat/completions", self._key, data, _SILENCE)
        except TimeoutError as error:
            raise EngineLost("The engine gave no sign of life for too long.") from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise ConnectionError(str(error)) from error
        try:
            if exchange.status != 200:
                raise _refusal(exchange.status, await _whole(exchange))
            async for line in _lines(exchange):
                if line.startswith(b"data: ") and line != b"data: [DONE]":
                    yield _event(line[6:])
                elif line.startswith(b"error: "):
                    raise _refusal(500, line[7:])
        except TimeoutError as error:
            raise EngineLost("The engine gave no sign of life for too long.") from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise EngineLost("The engine went away in the middle of the answer.") from error
        finally:
            exchange.close()

    async def stop(self) -> None:
        """Ends the process and waits for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5.0)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._pump


class XllamacppLauncher:
    """Runs `child.py`: llama.cpp's server from the xllamacpp wheel."""

    name = "xllamacpp"

    def __init__(self, load_timeout: float = 600.0) -> None:
        self._load_timeout = load_timeout

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Child:
        """See Launcher. Must be called from the main thread: Linux ties the child's life to the thread that made it."""
        log.begin()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locoman.engines.host.child"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=no_window(),
            start_new_session=True,  # Ctrl-C in a terminal is for the host, which then ends the child
        )
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        child = Child(plan, process, asyncio.create_task(_keep(process.stderr, log)))
        try:
            key = secrets.token_urlsafe(32)
            with suppress(ConnectionError):  # it may be dead already; then its stdout ends
                process.stdin.write(json.dumps({**asdict(plan), "key": key}).encode() + b"\n")
                await process.stdin.drain()
            reply = await asyncio.wait_for(process.stdout.readline(), self._load_timeout)
            message: dict[str, str] = json.loads(reply) if reply.endswith(b"\n") else {}
            if "ready" in message:
                child.connect(message["ready"], key)
                return child
        except TimeoutError:
            message = {"failed": f"the model was not loaded after {self._load_timeout:.0f} seconds"}
        except BaseException:
            await asyncio.shield(child.stop())
            raise
        await child.stop()
        if "missing" in message:
            raise MissingPrerequisite(
                f"The embedded engine xllamacpp cannot be used on this machine: {message['missing']}.",
                "pip install xllamacpp",
            )
        raise EngineUnavailable(_why(plan, log.lines(), process.returncode, message.get("failed", "")))


async def _keep(stream: asyncio.StreamReader, log: BoundedLog) -> None:
    """Moves what the child prints into the log until it ends."""
    while data := await stream.read(1 << 14):
        with suppress(LocomanError):  # a full disk must not leave the pipe full and the child stuck
            log.write(data)


async def _whole(exchange: Exchange) -> bytes:
    """The body of an error, no more of it than is good for us."""
    body = b""
    while len(body) < _MAX_EVENT_BYTES and (piece := await exchange.read()):
        body += piece
    return body


async def _lines(exchange: Exchange) -> AsyncIterator[bytes]:
    """The lines of a stream, without their ends, refusing one that never does. Raises EngineLost."""
    rest = b""
    while piece := await exchange.read():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > _MAX_EVENT_BYTES:
            raise EngineLost("The engine sent something that is not an answer.")


def _event(text: bytes) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError as error:
        raise EngineLost("The engine sent something that is not an answer.") from error
    if not isinstance(event, dict):
        raise EngineLost("The engine sent something that is not an answer.")
    if "error" in event:
        raise _refusal(500, text)
    return event


def _refusal(status: int, body: bytes) -> RequestRefused:
    """llama.cpp's error document as ours."""
    try:
        error = json.loads(body)["error"]
        if error.get("type") == "exceed_context_size_error":
            return ContextExceeded(int(error["n_prompt_tokens"]), int(error["n_ctx"]))
        return RequestRefused(status, f"The engine refused the request: {error['message']}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return RequestRefused(status, f"The engine refused the request with HTTP status {status}.")


def _why(plan: LaunchPlan, lines: list[str], returncode: int | None, reason: str) -> str:
    """One sentence on a start that failed, with llama.cpp's own words where it left some."""
    serious = [line for line in lines if _SERIOUS.search(line)]
    errors = [match["text"] for line in lines if (match := _ERROR_LINE.match(line))]
    words = (serious or errors or [reason or "it ended without a word"])[0].strip().rstrip(".")
    named = next((path for path in plan.loras if any(path in line for line in errors)), None)
    what = f"the adapter {named}" if named else plan.model
    if returncode is not None and returncode < 0 and not serious:
        words += f" (ended by {signal.Signals(-returncode).name})"
    return f"llama.cpp could not load {what}: {words}."
