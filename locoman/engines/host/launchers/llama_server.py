"""A llama-server binary, wherever it comes from, run by `warden.py`."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from locoman.engines.host.launchers.flags import arguments, identity, known, run
from locoman.engines.host.launchers.process import Child
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.plan import LaunchPlan
from locoman.errors import EngineUnavailable

_PROGRAM = "locoman.engines.host.warden"
_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:(?!0\b)\d+)")


class LlamaServerLauncher:
    """Runs one binary; `additions` to the environment make it find its libraries. `gpu`: layers go there as they fit."""

    def __init__(
        self,
        name: str,
        binary: Path,
        load_timeout: float,
        additions: Mapping[str, str] | None = None,
        *,
        gpu: bool = False,
    ) -> None:
        self.name = name
        self._binary = binary
        self._load_timeout = load_timeout
        self._additions = dict(additions or {})
        self._gpu = gpu

    def identity(self) -> str:
        """See Launcher."""
        return f"{self.name} {identity(self._binary)}"

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Child:
        """See Launcher."""
        environment = {**clean_environment(), **self._additions}
        options = known(await run((str(self._binary), "--help"), environment, self._binary.parent))
        argv = arguments(self._binary, options, plan, gpu=self._gpu)
        key = secrets.token_urlsafe(32)
        order = {"argv": argv, "environment": {**environment, "LLAMA_API_KEY": key}}
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def look_at(line: str) -> None:
            if (match := _LISTENING.search(line)) and not listening.done():
                listening.set_result(match[1])

        child = await Child.start(_PROGRAM, order, plan, log, look_at)
        try:
            reason = await self._ready(child, listening, key)
        except BaseException:
            await asyncio.shield(child.stop())
            raise
        if reason is None:
            return child
        await child.stop()
        raise EngineUnavailable(child.why(log.lines(), reason))

    async def _ready(self, child: Child, listening: asyncio.Future[str], key: str) -> str | None:
        """Waits until the server listens; otherwise why it does not."""
        started = await child.reply()
        if "pid" not in started:
            return str(started.get("failed", ""))
        ended = asyncio.create_task(child.ended())
        try:
            events: list[asyncio.Future[Any]] = [listening, ended]
            await asyncio.wait(events, timeout=self._load_timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if listening.done():
            child.connect(listening.result(), key, int(started["pid"]))
            return None
        if child.alive:
            return f"the model was not loaded after {self._load_timeout:.0f} seconds"
        return ""


def clean_environment() -> dict[str, str]:
    """Ours, without the variables through which llama.cpp takes settings."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("LLAMA_")}
