"""Small real programs that try to get out of the sandbox, or to use more than they may: each is contained.

Contained means: it achieves nothing that it tried, nothing outside is changed, nothing of it is left, and it ends in time.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.processes import running

from locoman.scoring.sandbox import Limits, Outcome, Sandbox

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox needs Linux")

ESCAPES = Path(__file__).parent / "escapes"
NAMES = sorted(path.stem for path in ESCAPES.glob("*.py") if path.stem != "world")
WORLD = (ESCAPES / "world.py").read_text(encoding="utf-8")

ENDED = {  # what never comes to its end, and how that may be ended
    "fork_bomb": {"time", "memory"},
    "fill_memory": {"completed", "memory"},
    "fill_memory_by_many": {"memory"},
    "fill_shared_memory": {"memory"},
    "many_files": {"files", "exited"},
    "signal_all": {"time"},
    "ignore_signals": {"time"},
    "huge_output": {"output"},
    "huge_errors": {"output"},
    "endless_loop": {"time"},
    "sleep_forever": {"time"},
    "silent_forever": {"time"},
    "read_forever": {"time"},
    "recursion": {"exited", "memory", "time"},
    "claims_success": {"exited"},
}
HARMLESS = (
    "read_home",
    "read_locoman_home",
    "environment",
    "tcp",
    "udp",
    "unix_socket",
    "abstract_socket",
    "symlinks",
)
"""Those that can be let loose: there they must get out, else they would prove nothing."""
SHORT = Limits(seconds=1.5)
LONG = Limits(seconds=60, cpu_seconds=60)
MARGIN = 15.0


@dataclass
class World:
    """The host around the sandbox: things to be got at, each of which would show it."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        self.secret = self.folder / "home" / "secret.txt"
        self.locoman_home = self.folder / "locoman"
        for path in (self.secret.parent, self.locoman_home):
            path.mkdir(parents=True)
        self.secret.write_text(self.token)
        (self.locoman_home / "config.toml").write_text(f'token = "{self.token}"\n')
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix = self._listening(str(self.folder / "socket"))
        self.abstract = self._listening(f"\0{self.token}")
        self.canary = subprocess.Popen(["sleep", "600"])
        for heard in (self.tcp, self.udp):
            heard.setblocking(False)

    @staticmethod
    def _listening(address: str) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
        server.listen(1)
        server.setblocking(False)
        return server

    def told(self) -> bytes:
        python = Path(sys.base_prefix).resolve()
        facts = {
            "home": str(Path.home()),
            "home_files": sorted(
                path.name for path in Path.home().iterdir() if path != python and path not in python.parents
            ),
            "secret": str(self.secret),
            "locoman_home": str(self.locoman_home),
            "token": self.token,
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "unix": str(self.folder / "socket"),
            "abstract": self.token,
            "pid": os.getpid(),
            "canary": self.canary.pid,
        }
        return json.dumps(facts).encode() + b"\n"

    def state(self) -> dict[str, str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def heard(self) -> list[str]:
        """Which of the sockets was reached."""
        found = []
        for name, server in (("tcp", self.tcp), ("unix", self.unix), ("abstract", self.abstract)):
            try:
                server.accept()[0].close()
                found.append(name)
            except BlockingIOError:
                pass
        try:
            self.udp.recv(100)
            found.append("udp")
        except BlockingIOError:
            pass
        return found

    def survivors(self) -> list[int]:
        return [process.pid for process in running(self.token)]

    def close(self) -> None:
        for server in (self.tcp, self.udp, self.unix, self.abstract):
            server.close()
        self.canary.kill()
        self.canary.wait()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path / "outside")
    monkeypatch.setenv("LOCOMAN_SECRET", made.token)
    if sys.platform.startswith("linux"):
        from locoman.scoring.sandbox import bubblewrap

        text = bubblewrap._python_text  # marked, so that whatever is left of a program can be told from others
        monkeypatch.setattr(
            bubblewrap, "_python_text", lambda module: [*text(module)[:-1], f"{text(module)[-1]}\n# {made.token}\n"]
        )
    yield made
    made.close()


def program(name: str) -> str:
    text = (ESCAPES / f"{name}.py").read_text(encoding="utf-8")
    return (
        "import sys, types\nworld = sys.modules['world'] = types.ModuleType('world')\n"
        f"exec({WORLD!r}, world.__dict__)\n{text}"
    )


def test_thirty_and_more_are_tried() -> None:
    assert len(NAMES) >= 30
    assert set(ENDED) | set(HARMLESS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_contained(name: str, sandbox: Sandbox, world: World) -> None:
    before = world.state()
    begun = time.monotonic()
    limits = SHORT if "time" in ENDED.get(name, ()) else LONG
    outcome: Outcome = sandbox.run(program(name), world.told(), limits)
    took = time.monotonic() - begun
    assert "ESCAPED" not in outcome.stdout
    assert world.token not in outcome.stdout + outcome.stderr
    assert world.state() == before
    assert world.heard() == []
    assert world.canary.poll() is None
    assert world.survivors() == []
    assert took < limits.seconds + MARGIN
    assert len(outcome.stdout) + len(outcome.stderr) <= limits.output
    if name in ENDED:
        assert outcome.end in ENDED[name], outcome
    else:
        assert "TRIED" in outcome.stdout, outcome  # it has come to its end, and so has tried everything


@pytest.mark.parametrize("name", HARMLESS)
def test_without_a_sandbox_it_gets_out(name: str, world: World) -> None:
    """So that being contained means something."""
    command = [sys.executable, "-c", program(name)]
    run = subprocess.run(command, input=world.told(), capture_output=True, timeout=60, check=False, cwd=world.folder)
    assert b"ESCAPED" in run.stdout, run.stderr.decode()
