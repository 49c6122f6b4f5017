"""The llama-server on PATH."""

from __future__ import annotations

import shutil
from pathlib import Path

from locoman.engines.host.launchers.launcher import Launcher
from locoman.engines.host.launchers.llama_server import LlamaServerLauncher


def launchers_on_path(load_timeout: float) -> tuple[Launcher, ...]:
    """One, if there is a llama-server; it knows where its libraries are."""
    found = shutil.which("llama-server")
    return (LlamaServerLauncher("llama-server", Path(found), load_timeout, gpu=True),) if found else ()
