"""A real Ollama for contract tests, where there is one: the binary named by LOCOMAN_TEST_OLLAMA, else `ollama` on PATH."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


def find_ollama() -> str | None:
    """The binary, if any."""
    return os.environ.get("LOCOMAN_TEST_OLLAMA") or shutil.which("ollama")


@dataclass(frozen=True)
class RealOllama:
    """A server that runs: its address, and its process, which a test may kill."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def real_ollama(binary: str, folder: Path) -> Iterator[str]:
    """Runs a server of its own on a free loopback port with its models and its home in `folder`; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with running_ollama(binary, folder, address) as server:
        yield server.url


@contextmanager
def running_ollama(binary: str, folder: Path, address: str) -> Iterator[RealOllama]:
    """As `real_ollama`, at an address; with the models that are in `folder` from before."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    own = {"OLLAMA_HOST": address, "OLLAMA_MODELS": str(folder / "models"), "HOME": str(home), "OLLAMA_NO_CLOUD": "1"}
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("OLLAMA_")}
    with (folder / "ollama.log").open("ab") as log:
        server = subprocess.Popen([binary, "serve"], env={**inherited, **own}, stdout=log, stderr=log)
    try:
        _wait_until_up(f"http://{address}", server, folder / "ollama.log")
        yield RealOllama(f"http://{address}", server)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline and server.poll() is None:
            try:
                client.get(url, timeout=1)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
    raise RuntimeError(f"Ollama did not start:\n{log.read_text(errors='replace')[-2000:]}")
