"""A process that holds a model: started, watched, ended. What it prints goes into the engine's log."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

from locoman.engines.host.launchers.jobs import tie_to_us
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.plan import LaunchPlan
from locoman.engines.host.spawn import no_window
from locoman.engines.host.talk import Talk
from locoman.errors import LocomanError

_STOP_SECONDS = 5.0
_SERIOUS = re.compile(r"GGML_ASSERT|terminate called|what\(\):|Segmentation|illegal instruction", re.IGNORECASE)
_ERROR_LINE = re.compile(r"[\d.]+ E (?P<text>.+)")


class Child:
    """A llama.cpp server, or one of our programs that runs it and ends it when its standard input closes."""

    def __init__(self, plan: LaunchPlan, process: asyncio.subprocess.Process, listening: Callable[[str], None]) -> None:
        self.plan = plan
        self.launcher = ""
        """The name of the way it was launched."""
        self.refused: tuple[str, ...] = ()
        """Why the ways before it could not be taken."""
        self._process = process
        self._engine: psutil.Process | None = None
        self._talk: Talk | None = None
        self._listening = listening
        self._pump: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        module: str,
        order: dict[str, Any],
        plan: LaunchPlan,
        log: BoundedLog,
        listening: Callable[[str], None] = lambda line: None,
    ) -> Child:
        """Runs `python -m module` and writes `order` to it as a line of JSON; every line it prints goes to `listening`."""
        log.begin()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=no_window(),
            start_new_session=True,  # Ctrl-C in a terminal is for the host, which then ends the child
        )
        tie_to_us(process.pid)
        child = cls(plan, process, listening)
        assert process.stdin is not None
        child._pump = asyncio.create_task(child._keep(log))
        with suppress(ConnectionError):  # it may be dead already; then its stdout ends
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        return child

    async def reply(self) -> dict[str, Any]:
        """The next line of JSON that the program writes; empty when it ended."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return dict(json.loads(line)) if line.endswith(b"\n") else {}

    def connect(self, url: str, key: str, pid: int | None = None) -> None:
        """Remembers where the server listens and, if it is not the program itself, its process."""
        self._talk = Talk(url, key)
        with suppress(psutil.Error):
            self._engine = psutil.Process(pid or self._process.pid)

    @property
    def talk(self) -> Talk:
        """The way to ask it; there once it is ready."""
        assert self._talk is not None
        return self._talk

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.returncode is None

    async def ended(self) -> None:
        """Waits for its end."""
        await self._process.wait()

    def memory(self) -> int:
        """Resident bytes; 0 when it is gone."""
        try:
            return int(self._engine.memory_info().rss) if self._engine is not None and self.alive else 0
        except psutil.Error:
            return 0

    async def stop(self) -> None:
        """Ends the process and waits for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._engine is not None and self._engine.pid != self._process.pid:
            with suppress(psutil.Error):  # if whoever should have ended it was killed itself
                self._engine.kill()
        if self._pump is not None:
            await self._pump

    def why(self, lines: list[str], reason: str = "") -> str:
        """One sentence on a start that failed, with llama.cpp's own words where it left some."""
        serious = [line for line in lines if _SERIOUS.search(line)]
        errors = [match["text"] for line in lines if (match := _ERROR_LINE.match(line))]
        words = (serious or errors or [reason or "it ended without a word"])[0].strip().rstrip(".")
        named = next((lora.path for lora in self.plan.loras if any(lora.path in line for line in errors)), None)
        what = f"the adapter {named}" if named else self.plan.model.path
        code = self._process.returncode
        if code is not None and code < 0 and not serious:
            words += f" (ended by {signal.Signals(-code).name})"
        return f"llama.cpp could not load {what}: {words}."

    async def _keep(self, log: BoundedLog) -> None:
        """Moves what it prints into the log until it ends."""
        assert self._process.stderr is not None
        rest = b""
        while data := await self._process.stderr.read(1 << 14):
            with suppress(LocomanError):  # a full disk must not leave the pipe full and the child stuck
                log.write(data)
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-(1 << 12) :]
            for line in lines:
                self._listening(line.decode(errors="replace"))
