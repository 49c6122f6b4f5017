"""Starts the process that holds a model and speaks with it. `Launcher` is the seam for other llama.cpp servers."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Protocol

import psutil

from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.plan import LaunchPlan
from locoman.engines.host.spawn import no_window
from locoman.engines.host.talk import Talk
from locoman.errors import EngineUnavailable, LocomanError, MissingPrerequisite

_SERIOUS = re.compile(r"GGML_ASSERT|terminate called|what\(\):|Segmentation|illegal instruction", re.IGNORECASE)
_ERROR_LINE = re.compile(r"[\d.]+ E (?P<text>.+)")


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
        self._talk: Talk | None = None

    def connect(self, url: str, key: str) -> None:
        """Remembers where the server listens; called once, when it is ready."""
        self._talk = Talk(url, key)

    @property
    def talk(self) -> Talk:
        """The way to ask it; there once it is ready."""
        assert self._talk is not None
        return self._talk

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


def _why(plan: LaunchPlan, lines: list[str], returncode: int | None, reason: str) -> str:
    """One sentence on a start that failed, with llama.cpp's own words where it left some."""
    serious = [line for line in lines if _SERIOUS.search(line)]
    errors = [match["text"] for line in lines if (match := _ERROR_LINE.match(line))]
    words = (serious or errors or [reason or "it ended without a word"])[0].strip().rstrip(".")
    named = next((lora.path for lora in plan.loras if any(lora.path in line for line in errors)), None)
    what = f"the adapter {named}" if named else plan.model.path
    if returncode is not None and returncode < 0 and not serious:
        words += f" (ended by {signal.Signals(-returncode).name})"
    return f"llama.cpp could not load {what}: {words}."
