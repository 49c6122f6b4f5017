"""SIGKILL at a random instant of a command that changes LOCOMAN_HOME, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry

AFTER_COMMIT = 0.25  # share of the kills that come just after the registry was replaced: a moment chance seldom meets


@dataclass(frozen=True, slots=True)
class Operation:
    """A command, the home before it, the registry after it, and the seconds it takes unkilled."""

    name: str
    arguments: tuple[str, ...]
    before: Path
    after: Registry
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one kill showed: seconds waited, whether it came in time, "old" or "new" state, whether something was left."""

    delay: float
    killed: bool
    state: str
    cleaned: bool


def locoman(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """A locoman process on the home `root`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCOMAN_")} | {"OLLAMA_HOST": "127.0.0.1:9"}
    command = [sys.executable, "-m", "locoman", *arguments, "--home", str(root)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Waits for success; returns what was printed."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, f"exit {process.returncode}: {out}{err}"
    return out, err


def operations(folder: Path, adapters: Path) -> dict[str, Operation]:
    """install, activate and remove on loco-tiny, prepared below `folder`; `adapters` holds the shipped packages."""
    empty, full = folder / "empty", folder / "full"
    empty.mkdir(parents=True)
    finish(locoman(full, "install", "--base", "loco-tiny", "--yes", "--no-check"))
    newer = folder / "words"
    shutil.copytree(adapters / "words", newer)
    manifest = newer / "adapter.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.0.0"', 'version = "1.1.0"'))
    finish(locoman(full, "install", "--base", "loco-tiny", "--adapter", str(newer), "--no-check"))
    return {
        "install": _measured(folder, "install", ("install", "--base", "loco-tiny", "--yes", "--no-check"), empty),
        "activate": _measured(folder, "activate", ("adapter", "activate", "words@1.0.0"), full),
        "remove": _measured(folder, "remove", ("remove", "arithmetic", "dates", "--yes"), full),
    }


def kill_once(operation: Operation, root: Path, rng: random.Random) -> Outcome:
    """Runs the operation on a copy of its home, kills it after a random delay, and checks everything that must hold."""
    shutil.copytree(operation.before, root)
    process = locoman(root, *operation.arguments)
    if rng.random() < AFTER_COMMIT:
        delay = rng.uniform(0.0, 0.05)
        await_commit(process, root, operation.before)
    else:
        delay = rng.uniform(0.0, operation.seconds * 1.3)
    time.sleep(delay)
    killed = process.poll() is None
    process.kill()
    process.communicate()
    state = check_state(root, operation)
    left = any(Home(root).staging.glob("*"))
    _, err = finish(locoman(root, "adapter", "list"))
    assert ("Cleaned up" in err) == left, err
    assert check_state(root, operation) == state
    check_files(root)
    return Outcome(delay, killed, state, left)


def await_commit(process: subprocess.Popen[str], root: Path, before: Path) -> None:
    """Returns when the registry is replaced, or the process has ended."""
    path, old = Home(root).registry, Home(before).registry
    data = old.read_bytes() if old.exists() else b""
    while process.poll() is None and (not path.exists() or path.read_bytes() == data):
        time.sleep(0.001)


def check_state(root: Path, operation: Operation) -> str:
    """ "old" or "new"; anything else is an error."""
    registry = load_registry(Home(root).registry)
    states = {"old": load_registry(Home(operation.before).registry), "new": operation.after}
    found = [name for name, state in states.items() if state == registry]
    assert found, f"a mixed state after {operation.name}: {registry}"
    return found[0]


def check_files(root: Path) -> None:
    """After the clean-up every registered file is there, and nothing else is."""
    home = Home(root)
    registry = load_registry(home.registry)
    for name in registry.files():
        assert (root / name).exists(), f"{name} is registered and missing"
    for folder, pattern in ((home.bases, "*/*"), (home.adapters, "*/*"), (home.router, "*"), (home.staging, "*")):
        for path in folder.glob(pattern):
            assert path.relative_to(root).as_posix() in registry.files(), f"{path} was left behind"


def _measured(folder: Path, name: str, arguments: tuple[str, ...], before: Path) -> Operation:
    trial = folder / f"trial-{name}"
    shutil.copytree(before, trial)
    started = time.monotonic()
    finish(locoman(trial, *arguments))
    seconds = time.monotonic() - started
    return Operation(name, arguments, before, load_registry(Home(trial).registry), seconds)


def rounds(operation: Operation, folder: Path, count: int, seed: int, tell: Callable[[int], None]) -> list[Outcome]:
    """`count` kills, each on a fresh copy, as many at a time as there are processors."""

    def one(number: int) -> Outcome:
        root = folder / f"{operation.name}-{number}"
        outcome = kill_once(operation, root, random.Random(f"{operation.name}-{seed}-{number}"))
        shutil.rmtree(root)
        return outcome

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = []
        for outcome in pool.map(one, range(count)):
            outcomes.append(outcome)
            tell(len(outcomes))
    return outcomes
