"""Seeded faults in the middle of a sync or of a pull of the base, and what must hold afterwards.

After each fault nothing of somebody else's has changed and every model in Ollama that is not theirs is recorded; `status` sees
a difference wherever one is; one sync without a fault ends them all; and one more finds nothing to do.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from support.installed import copy_home
from support.oci_registry import OciRegistry
from support.ollama_home import PULLED_TAG, Pair, use_pulled_base, with_adapters
from support.ollama_standin import Fault, StandinOllama
from support.tiny_gguf import write_tiny_base

from locoman.errors import LocomanError
from locoman.ollama.api import NewModel, OllamaApi
from locoman.store import registry as registry_module
from locoman.store.atomic import store_error
from locoman.store.home import Home
from locoman.store.registry import save_registry
from locoman.weights import gguf_writer
from locoman.workflows.ollama_state import Asked

MINE = ("mine:latest", "somebody-else:1")
_WORDS = "loco-tiny-words:1.0.0"


@dataclass(frozen=True)
class World:
    """A home and an Ollama to start from, and what a sync with `strategy` makes of them: each tag's manifest."""

    name: str
    home: Path
    models: Path
    version: str
    strategy: Asked
    result: dict[str, str]
    requests: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """One round: the world, the fault, whether the sync failed, and the kinds of differences that `status` saw then."""

    world: str
    fault: str
    failed: bool
    seen: frozenset[str]


def make_worlds(folder: Path, installed: Path, library: OciRegistry) -> list[World]:
    """A few starting points below `folder`; `installed` is a home with loco-tiny."""
    two = with_adapters(installed, folder / "two adapters", ("dates", "words"))  # which do
    library.add("mine:latest", write_tiny_base(folder / "mine.gguf"))
    return [
        _world(folder, "native", two, library, "0.33.0", "native"),
        _world(folder, "native, pulled base", two, library, "0.33.0", "native", pulled=True),
        _world(folder, "pull and native", two, library, "0.33.0", "native", pulled=True, gone=True),
        _world(folder, "native to merged", two, library, "0.33.0", "merged", before="native"),
        _world(folder, "merged", two, library, "0.34.1", "merged"),
        _world(folder, "split", two, library, "0.35.0", "split"),
    ]


def _world(
    folder: Path,
    name: str,
    installed: Path,
    library: OciRegistry,
    version: str,
    strategy: Asked,
    *,
    pulled: bool = False,
    gone: bool = False,
    before: Asked = "",
) -> World:
    home, models = folder / name / "home", folder / name / "models"
    copy_home(installed, home)
    with StandinOllama(models, "0.33.0", library) as standin, OllamaApi(standin.url) as api:
        pair = Pair(Home(home), api)
        api.pull("mine")
        api.copy("mine", MINE[1])
        if pulled:
            use_pulled_base(pair.home, library, api)
        if before:
            pair.sync(before)
        if gone:
            pair.sync("native")
            for tag in set(pair.tags()) - set(MINE):
                api.delete(tag)
    trial_home, trial_models = folder / name / "trial-home", folder / name / "trial-models"
    shutil.copytree(home, trial_home)
    shutil.copytree(models, trial_models)
    with StandinOllama(trial_models, version, library) as standin, OllamaApi(standin.url) as api:
        pair, started = Pair(Home(trial_home), api), time.perf_counter()
        pair.sync(strategy, prune=True)
        seconds, requests = time.perf_counter() - started, standin.arrived
        assert pair.differences() == ()
        result = pair.tags()
    return World(name, home, models, version, strategy, result, requests, seconds)


def run_round(world: World, folder: Path, library: OciRegistry, rng: random.Random) -> Outcome:
    """One fault, drawn by `rng`, and all checks. AssertionError where something does not hold."""
    home = Home(folder / "home")
    shutil.copytree(world.home, home.root)
    shutil.copytree(world.models, folder / "models")
    with StandinOllama(folder / "models", world.version, library) as standin, OllamaApi(standin.url) as api:
        pair = Pair(home, api)
        name, fault = rng.choice(list(FAULTS.items()))
        mine = {tag: digest for tag, digest in pair.tags().items() if tag in MINE}
        failed = fault(_Round(world, pair, standin, library, rng))
        standin.trap, library.trouble.damaged, library.trouble.missing = None, set(), False
        seen = _check_after(world, pair, mine, name)
        pair.sync(world.strategy, prune=True)
        where = f"{world.name}, {name}"
        assert pair.differences() == (), f"{where}: a sync left {pair.differences()}"
        after = pair.tags()
        for tag, digest in world.result.items():
            assert after.get(tag) == digest, f"{where}: {tag} is not what a sync without a fault makes"
        extra = set(after) - set(world.result)
        assert all("-kept-" in tag for tag in extra), f"{where}: {extra} were left behind"
        again = pair.sync(world.strategy, prune=True)
        assert (again.uploads, again.made) == (0, ()), f"{where}: a second sync made {again.made}"
    return Outcome(world.name, name, failed, seen)


def _check_after(world: World, pair: Pair, mine: dict[str, str], fault: str) -> frozenset[str]:
    where, now = f"{world.name}, {fault}", pair.tags()
    for tag, digest in mine.items():
        assert now.get(tag) == digest, f"{where}: somebody else's {tag} was touched"
    recorded = {model.tag for model in pair.registry.ollama.models} | {PULLED_TAG}
    strangers = {tag for tag in now if tag not in mine and tag not in recorded and "-kept-" not in tag}
    assert not strangers, f"{where}: {strangers} are in Ollama without a record"
    differences = pair.differences()
    synced = pair.registry.ollama.strategy == world.strategy
    wrong = {tag for tag, digest in world.result.items() if now.get(tag) != digest and tag not in MINE}
    if synced and wrong:
        assert differences, f"{where}: {wrong} differ and status sees nothing"
    return frozenset(difference.kind for difference in differences)


@dataclass(frozen=True)
class _Round:
    world: World
    pair: Pair
    standin: StandinOllama
    library: OciRegistry
    rng: random.Random

    def sync(self) -> bool:
        """Whether it failed; only with an error of locoman's own."""
        try:
            self.pair.sync(self.world.strategy, prune=True)
        except LocomanError:
            return True
        return False


def _trap(fault: Fault) -> Callable[[_Round], bool]:
    """The fault meets one request, whichever it is."""

    def run(round_: _Round) -> bool:
        round_.standin.trap = (round_.standin.arrived + round_.rng.randint(1, round_.world.requests), fault)
        return round_.sync()

    return run


def _killed(round_: _Round) -> bool:
    """SIGKILL of the process at a random instant."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCOMAN_")}
    environment |= {"OLLAMA_HOST": round_.standin.url}
    home = str(round_.pair.home.root)
    command = [sys.executable, "-m", "locoman", "sync", "--strategy", round_.world.strategy, "--prune", "--home", home]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = round_.standin.arrived
    deadline = time.monotonic() + 30  # of what it does, not of Python starting
    target = first + round_.rng.randint(1, round_.world.requests)
    while round_.standin.arrived < target and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(round_.rng.uniform(0.0, 0.02))
    killed = process.poll() is None
    process.kill()
    process.wait()
    return killed


def _full_disk_for_files(round_: _Round) -> bool:
    """No room for what is written on the way to Ollama."""
    at, here = round_.rng.randint(1, 8), threading.current_thread()

    def write(*arguments: object, _real: Callable[..., None] = gguf_writer.write_content) -> None:
        nonlocal at
        at -= threading.current_thread() is here  # the stand-in, in its own threads, has a disk of its own
        if at == 0 and threading.current_thread() is here:
            at = -1
            raise OSError(errno.ENOSPC, "No space left on device")
        _real(*arguments)

    with mock.patch("locoman.weights.gguf_writer.write_content", write):
        return round_.sync()


def _full_disk_for_the_registry(round_: _Round) -> bool:
    """No room for one of the commits."""
    at = round_.rng.randint(1, 12)

    def write(path: Path, data: bytes, _real: Callable[..., None] = registry_module.write_atomic) -> None:
        nonlocal at
        at -= 1
        if at == 0:
            raise store_error(OSError(errno.ENOSPC, "No space left on device"), path)
        _real(path, data)

    with mock.patch.object(registry_module, "write_atomic", write):
        return round_.sync()


def _interrupted(round_: _Round) -> bool:
    """Ctrl-C, while a file is on its way."""
    at = round_.rng.randint(1, 10)

    def stages(title: str) -> Callable[[int, int | None, str], None]:
        def tell(done: int, total: int | None, unit: str) -> None:
            nonlocal at
            at -= 1
            if at == 0:
                raise KeyboardInterrupt

        return tell

    from support.ollama_home import shelf_of

    from locoman.workflows.sync import execute_sync

    try:
        plan = round_.pair.plan(round_.world.strategy, prune=True)
        execute_sync(round_.pair.home, shelf_of(round_.pair.home), round_.pair.api, plan, stages)
    except (KeyboardInterrupt, LocomanError):
        return True
    return False


def _bad_bytes_on_the_way(round_: _Round) -> bool:
    """The library sends a damaged base, or none at all."""
    digest = max(round_.library.blobs, key=lambda name: len(round_.library.blobs[name]))
    if round_.rng.random() < 0.5:
        round_.library.trouble.damaged = {digest}
    else:
        round_.library.trouble.missing = True
    return round_.sync()


def _bad_bytes_in_ollama(round_: _Round) -> bool:
    """After the sync a file of one of our models is cut short or gone, or a tag is deleted or made by somebody else."""
    round_.sync()
    pair, rng = round_.pair, round_.rng
    ours = [model for model in pair.registry.ollama.models if model.adapter]
    model = rng.choice(ours)
    kind = rng.choice(("cut", "gone", "deleted", "remade", "unfinished"))
    blob = round_.standin.store.blob(f"sha256:{rng.choice(model.files).sha256}")
    if kind == "cut":
        blob.write_bytes(blob.read_bytes()[: rng.randint(4, 200)])
    elif kind == "gone":
        blob.unlink()
    elif kind == "deleted":
        pair.api.delete(model.tag)
    elif kind == "remade":
        pair.api.create(NewModel(model.tag, source=MINE[0], system=str(rng.random())))
    else:
        from msgspec import structs

        registry = pair.registry
        half = registry.ollama.with_model(structs.replace(model, recipe=""))
        save_registry(pair.home.registry, structs.replace(registry, ollama=half))
    assert pair.differences(), f"{round_.world.name}: {model.tag} {kind}, and status sees nothing"
    return False


FAULTS: dict[str, Callable[[_Round], bool]] = {
    "connection cut": _trap(Fault.HANG_UP),
    "upload cut": _trap(Fault.CUT_UPLOAD),
    "stream cut": _trap(Fault.STREAM_CUT),
    "error in the stream": _trap(Fault.STREAM_ERROR),
    "stream without an end": _trap(Fault.STREAM_END),
    "status 500": _trap(Fault.SERVER_ERROR),
    "a proxy's page": _trap(Fault.HTML),
    "garbage": _trap(Fault.GARBAGE),
    "Ollama's disk full": _trap(Fault.FULL),
    "killed": _killed,
    "interrupted": _interrupted,
    "disk full for files": _full_disk_for_files,
    "disk full for the registry": _full_disk_for_the_registry,
    "bad bytes on the way": _bad_bytes_on_the_way,
    "bad bytes in Ollama": _bad_bytes_in_ollama,
}


def run_sync_faults(
    folder: Path, installed: Path, count: int, seed: int, tell: Callable[[int], None] = lambda done: None
) -> Iterator[Outcome]:
    """`count` rounds, each in a copy of one of the worlds."""
    with ExitStack() as stack:
        library = stack.enter_context(OciRegistry())
        worlds = make_worlds(folder, installed, library)
        for number in range(count):
            rng = random.Random(f"{seed}-{number}")
            with _room(folder / f"round-{number}") as room:
                outcome = run_round(rng.choice(worlds), room, library, rng)
            tell(number + 1)
            yield outcome


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
