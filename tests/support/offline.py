"""A locoman process on a machine without a network: whatever reaches beyond loopback fails, and is noted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SITE = """
import os, socket, sys

def _local(address):
    return not isinstance(address, tuple) or address[0] in ("127.0.0.1", "::1", "localhost", "")

def _watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.bind") and not _local(arguments[1]):
        _refuse(event, arguments[1])
    if event in ("socket.getaddrinfo", "socket.gethostbyname") and not _local((arguments[0],)):
        _refuse(event, arguments[0])

def _refuse(event, where):
    with open(os.environ["OFFLINE_LOG"], "a") as file:
        file.write(f"{event} {where}\\n")
    raise OSError(101, "Network is unreachable")

sys.addaudithook(_watch)
"""


class Offline:
    """Runs `locoman` as processes (and their children: the host, llama.cpp's) with no network."""

    def __init__(self, folder: Path, home: Path) -> None:
        site = folder / "offline-site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(_SITE)
        self.log = folder / "offline.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCOMAN_")}
        paths = [str(site), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        self.environment = kept | {
            "LOCOMAN_HOME": str(home), "OLLAMA_HOST": "127.0.0.1:9", "OFFLINE_LOG": str(self.log),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }  # fmt: skip

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one command to its end."""
        command = [sys.executable, "-m", "locoman", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    @property
    def attempts(self) -> str:
        """What tried to reach beyond this machine, line by line."""
        return self.log.read_text() if self.log.exists() else ""
