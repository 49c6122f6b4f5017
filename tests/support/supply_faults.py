"""Seeded faults while adapters are updated, taken over or installed from a bundle, and what must hold after each.

At a step: an audit hook in the process counts what it does to its LOCOMAN_HOME (open to write, mkdir, rename, remove) and
at the chosen step kills it, or says from there on that the disk is full; a limit on file sizes makes the kernel itself refuse
in the middle of a file. On the way: downloads break off, change, or become a proxy's page. In the bundle: a changed or a
missing byte.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.kills import Operation, check_files, check_state, finish, locoman
from support.site import Site, newer_package

from locoman.app import App
from locoman.errors import LocomanError
from locoman.settings import load_settings
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.store.transaction import recover
from locoman.workflows.doctor import Check, examine

_SITE = """
import os, signal, sys

HOME, KIND, AT = os.environ["FAULT_HOME"], os.environ["FAULT_KIND"], int(os.environ["FAULT_AT"])
count = 0

def _changes(event, arguments):
    if event == "open":
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return arguments[0] if writes else None
    if event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir"):
        return arguments[0]
    return None

def _watch(event, arguments):
    global count
    path = _changes(event, arguments)
    if not isinstance(path, (str, bytes, os.PathLike)) or not os.fsdecode(path).startswith(HOME):
        return
    count += 1
    if count == AT and KIND == "kill":
        if hasattr(signal, "SIGKILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)
    if count >= AT and KIND == "disk" and event in ("open", "os.mkdir"):
        raise OSError(28, "No space left on device", os.fsdecode(path))

sys.addaudithook(_watch)
if KIND == "limit":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (AT, AT))
if KIND == "count":
    import atexit
    atexit.register(lambda: open(os.environ["FAULT_LOG"], "w").write(str(count)))
"""

STEP_KINDS = ("kill", "disk", "limit") if sys.platform != "win32" else ("kill", "disk")


ON_THE_WAY = ("cut", "changed byte", "page", "shorter", "cut for good")
"""What happens to downloads; the last takes a quarter of a minute of tries."""


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """What a fault came to: which, the state after it ("old" or "new"), whether anything had to be swept."""

    operation: str
    kind: str
    state: str
    swept: bool


@dataclass(frozen=True, slots=True)
class Supplied:
    """An operation, the number of steps it takes, and its largest file in bytes."""

    operation: Operation
    steps: int
    largest: int


@contextmanager
def supplies(folder: Path) -> Iterator[tuple[dict[str, Supplied], Site, Path]]:
    """update (from an index), add (of a LoRA GGUF) and bundle install, prepared below `folder`; the site and the bundle."""
    full, empty = folder / "full", folder / "empty"
    empty.mkdir(parents=True)
    finish(locoman(full, "install", "--base", "loco-tiny", "--yes", "--no-check"))
    bundle = folder / "classroom.locoman"
    finish(locoman(full, "bundle", "create", str(bundle)))
    lora = folder / "lora.gguf"
    adapter = next(a for a in load_registry(Home(full).registry).adapters if a.name == "words")
    shutil.copy(full / adapter.gguf, lora)
    newer_package("words", "1.1.0", folder / "packages")
    newer_package("dates", "1.2.0", folder / "packages")
    named = ("--name", "poems", "--domain", "poems", "--base", "loco-tiny")
    with Site(folder / "site") as site:
        site.offer(folder / "packages")
        operations = {
            "update": _supplied(folder, "update", ("update", "--from", site.index), full),
            "add": _supplied(folder, "add", ("adapter", "add", str(lora), *named), full),
            "bundle install": _supplied(
                folder, "bundle install", ("bundle", "install", str(bundle), "--no-check"), empty
            ),
        }
        yield operations, site, bundle


def fault_at_a_step(supplied: Supplied, root: Path, kind: str, chosen: random.Random) -> FaultOutcome:
    """Runs the operation on a copy of its home with one fault, checks what must hold, then runs it again to its end."""
    operation = supplied.operation
    shutil.copytree(operation.before, root)
    at = chosen.randrange(1, supplied.steps + 1) if kind != "limit" else chosen.randrange(1, supplied.largest)
    process = _run(operation, root, root.parent / f"{root.name}-site", kind, at)
    if kind != "kill":
        _check_words(process, f"{operation.name}, {kind} at {at}")
    return _settled(operation, root, kind)


def fault_on_the_way(
    supplied: Supplied, site: Site, root: Path, chosen: random.Random, kinds: Sequence[str] = ON_THE_WAY
) -> FaultOutcome:
    """An update whose downloads go wrong in one way; then they go right."""
    operation = supplied.operation
    shutil.copytree(operation.before, root)
    kind = chosen.choice(kinds)
    at = chosen.randrange(1, 1_000_000)
    if kind == "cut":
        site.cuts.append(at)
    elif kind == "cut for good":
        site.cuts.extend([at] * 50)
    elif kind == "page":
        site.html = True
    else:
        site.spoil = _spoil(kind, at)
    process = locoman(root, *operation.arguments)
    out, err = process.communicate(timeout=120)
    _check_words(subprocess.CompletedProcess((), process.returncode, out, err), f"{operation.name}, {kind} at {at}")
    site.cuts.clear()
    site.html, site.spoil = False, lambda path, data: data
    return _settled(operation, root, kind)


def fault_in_the_bundle(supplied: Supplied, bundle: Path, root: Path, chosen: random.Random) -> FaultOutcome:
    """A bundle with a changed byte, or cut short; then the whole one."""
    operation = supplied.operation
    shutil.copytree(operation.before, root)
    data = bytearray(bundle.read_bytes())
    kind = chosen.choice(("changed byte", "cut short", "doubled"))
    at = chosen.randrange(len(data))
    if kind == "changed byte":
        data[at] ^= 1 << chosen.randrange(8)
    else:
        data = data[:at] if kind == "cut short" else data[:at] + data
    broken = root.parent / f"{root.name}.locoman"
    broken.write_bytes(data)
    process = locoman(root, "bundle", "install", str(broken), "--no-check")
    out, err = process.communicate(timeout=120)
    broken.unlink()
    # A byte that is not installed (the texts for people) may be another: verify sees that, install need not.
    _check_words(subprocess.CompletedProcess((), process.returncode, out, err), f"{operation.name}, {kind} at {at}")
    return _settled(operation, root, kind)


def many(jobs: list[Callable[[], FaultOutcome]], tell: Callable[[int], None]) -> list[FaultOutcome]:
    """All of them, as many at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = []
        for outcome in pool.map(lambda job: job(), jobs):
            outcomes.append(outcome)
            tell(len(outcomes))
    return outcomes


def _settled(operation: Operation, root: Path, kind: str) -> FaultOutcome:
    """After a fault: old or new state; nothing left once swept; doctor content; and the same command then does its work."""
    state = check_state(root, operation)
    swept = bool(recover(Home(root)))
    check_files(root)
    assert check_state(root, operation) == state
    assert not [check for check in examined(root) if not check.ok and check.name != "registry"]
    if state == "old":
        finish(locoman(root, *operation.arguments))
    assert check_state(root, operation) == "new"
    assert all(check.ok for check in examined(root))
    check_files(root)
    shutil.rmtree(root)
    return FaultOutcome(operation.name, kind, state, swept)


def examined(root: Path) -> list[Check]:
    """What doctor finds in the files, all digests compared; it starts no engine."""
    app = App(load_settings(root, {}))

    def no_engine():  # type: ignore[no-untyped-def]
        raise LocomanError("not asked")

    found = examine(app.home, app.shelf, "http://127.0.0.1:9", no_engine, deep=True)
    return [check for check in found if check.name != "engine"]


def _check_words(process: subprocess.CompletedProcess[str], what: str) -> None:
    """Done, or one sentence and the next command."""
    assert process.returncode in (0, 1, 4), f"{what}: exit {process.returncode}: {process.stderr}"
    assert "Traceback" not in process.stderr, f"{what}: {process.stderr}"
    if process.returncode:
        *_, sentence, following = process.stderr.strip().splitlines()
        assert sentence.endswith("."), f"{what}: {process.stderr}"
        assert following.startswith("Next: "), f"{what}: {process.stderr}"


def _spoil(kind: str, at: int) -> Callable[[str, bytes], bytes]:
    def spoil(path: str, data: bytes) -> bytes:
        if not path.endswith(".zip"):
            return data
        return (
            data[: at % len(data)] if kind == "shorter" else data[: at % len(data)] + b"?" + data[at % len(data) + 1 :]
        )

    return spoil


def _supplied(folder: Path, name: str, arguments: tuple[str, ...], before: Path) -> Supplied:
    trial = folder / f"trial-{name.replace(' ', '-')}"
    shutil.copytree(before, trial)
    plain = Operation(name, arguments, before, load_registry(Home(before).registry), 0.0)
    log = folder / f"steps-{name.replace(' ', '-')}"
    done = _run(plain, trial, folder / f"site-{name.replace(' ', '-')}", "count", 0, log)
    assert done.returncode == 0, done.stderr
    largest = max(path.stat().st_size for path in trial.rglob("*") if path.is_file())
    operation = Operation(name, arguments, before, load_registry(Home(trial).registry), 0.0)
    return Supplied(operation, int(log.read_text()), largest)


def _run(
    operation: Operation, root: Path, site: Path, kind: str, at: int, log: Path | None = None
) -> subprocess.CompletedProcess[str]:
    site.mkdir()
    (site / "sitecustomize.py").write_text(_SITE)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCOMAN_")}
    paths = (str(site), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    environment = kept | {
        "OLLAMA_HOST": "127.0.0.1:9", "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "FAULT_HOME": str(root), "FAULT_KIND": kind, "FAULT_AT": str(at), "FAULT_LOG": str(log or ""),
    }  # fmt: skip
    command = [sys.executable, "-m", "locoman", *operation.arguments, "--home", str(root)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    shutil.rmtree(site)
    return done
