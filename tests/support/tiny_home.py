"""A LOCOMAN_HOME with a tiny model, its host as a real process, and the client that asks it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
from support import tiny_host
from support.tiny_host import Setting, as_json

from locoman.contracts import Chunk, Message, Request, Sampling, ServedBase
from locoman.engines.host.discover import ensure_host
from locoman.engines.host.files import HostAddress, HostFiles
from locoman.engines.local import LocalEngine
from locoman.names import ModelName

LONG = 1 << 14
"""Tokens that take many seconds."""


class TinyHome:
    """A LOCOMAN_HOME with a tiny base and a command that runs its host."""

    def __init__(
        self, folder: Path, base: ServedBase | None, keywords: dict[str, str], options: dict[str, Any]
    ) -> None:
        self.files = HostFiles(folder / "run", folder / "locks")
        self.setting_path = folder / "setting.json"
        self.base = base
        self.keywords = keywords
        self.options = {"keep_alive": 60.0, "threads": 1, **options}
        self.serve(base)
        self.argv = (sys.executable, str(Path(tiny_host.__file__)), str(self.setting_path))
        self.children: set[int] = set()
        self.engine = LocalEngine(self.files.run_dir, self.files.locks_dir, self.argv, timeout=60.0)

    def serve(self, base: ServedBase | None, *others: ServedBase) -> None:
        """Changes what the host serves, from its next request on."""
        document = None if base is None else as_json(base)
        setting = Setting(
            str(self.files.run_dir), document, [as_json(other) for other in others], self.keywords, self.options
        )
        setting.write(self.setting_path)

    def ensure(self) -> HostAddress:
        """Starts the host, or finds it."""
        return ensure_host(self.files.run_dir, self.files.locks_dir, self.argv, 60.0)

    def client(self) -> httpx.Client:
        """A plain HTTP client with the key."""
        address = self.ensure()
        headers = {"Authorization": f"Bearer {address.key}"}
        return httpx.Client(base_url=address.url, headers=headers, timeout=60.0, trust_env=False)

    def ask(self, question: str, model: str = "auto", **sampling: Any) -> list[Chunk]:
        """All chunks of one answer."""
        return list(self.engine.chat(request(question, model, **sampling)))

    def text(self, question: str, model: str = "auto", **sampling: Any) -> str:
        """The text of one answer."""
        return "".join(chunk.text for chunk in self.ask(question, model, **sampling))

    def host_process(self) -> psutil.Process:
        """The host's process."""
        return psutil.Process(self.ensure().pid)

    def child_process(self) -> psutil.Process:
        """The process that holds the model."""
        (child,) = self.host_process().children()
        self.children.add(child.pid)
        return child


def request(question: str, model: str = "auto", **sampling: Any) -> Request:
    """One question, no history."""
    return Request((Message("user", question),), ModelName.parse(model), Sampling(**sampling))


def soon(what: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether `what` comes true in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def shut(home: TinyHome) -> None:
    """Stops the home's host and makes sure that nothing of it is left."""
    home.engine.stop()
    ending = [process for process in psutil.process_iter() if _belongs(process, home)]
    _, left = psutil.wait_procs(ending, timeout=20.0)
    for process in left:
        process.kill()
    assert not left, f"processes left behind: {left}"


def _belongs(process: psutil.Process, home: TinyHome) -> bool:
    """Whether the process is the home's host, or a child that a test looked at."""
    try:
        return str(home.setting_path) in process.cmdline() or process.pid in home.children
    except psutil.Error:
        return False


HomeMaker = Callable[..., TinyHome]
