"""llama.cpp from the xllamacpp wheel, in a child process: `child.py`."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from locoman.engines.host.launchers.process import Child
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.plan import LaunchPlan
from locoman.errors import EngineUnavailable, MissingPrerequisite

_PROGRAM = "locoman.engines.host.child"


class XllamacppLauncher:
    """The embedded default: nothing but our own dependencies is needed."""

    name = "xllamacpp"

    def __init__(self, load_timeout: float = 600.0) -> None:
        self._load_timeout = load_timeout

    def identity(self) -> str:
        """See Launcher."""
        try:
            return f"xllamacpp {version('xllamacpp')}"
        except PackageNotFoundError:
            raise _missing("it is not installed") from None

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Child:
        """See Launcher."""
        key = secrets.token_urlsafe(32)
        child = await Child.start(_PROGRAM, {**asdict(plan), "key": key}, plan, log)
        try:
            message = await asyncio.wait_for(child.reply(), self._load_timeout)
            if "ready" in message:
                child.connect(str(message["ready"]), key)
                return child
        except TimeoutError:
            message = {"failed": f"the model was not loaded after {self._load_timeout:.0f} seconds"}
        except BaseException:
            await asyncio.shield(child.stop())
            raise
        await child.stop()
        if "missing" in message:
            raise _missing(str(message["missing"]))
        raise EngineUnavailable(child.why(log.lines(), str(message.get("failed", ""))))


def _missing(why: str) -> MissingPrerequisite:
    return MissingPrerequisite(
        f"The embedded engine xllamacpp cannot be used on this machine: {why}.", "pip install xllamacpp"
    )
