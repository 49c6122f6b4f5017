"""What happens behind locoman's back on a real Ollama, where there is one: named by status, mended by sync.

The same on the stand-in, and more of it: test_sync.py.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.installed import copy_home
from support.ollama_home import Pair, shelf_of
from support.real_ollama import RealOllama, find_ollama, running_ollama
from support.tiny_gguf import write_tiny_base

from locoman.errors import OllamaUnavailable
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.base_file import weights_of
from locoman.progress import Progress, no_progress
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.workflows.remove import execute_remove, plan_remove_all
from locoman.workflows.sync import execute_sync

REAL = find_ollama()
BASE, WORDS, DATES = "loco-tiny:latest", "loco-tiny-words:1.0.0", "loco-tiny-dates:1.0.0"

pytestmark = pytest.mark.skipif(
    REAL is None, reason="no real Ollama here: set LOCOMAN_TEST_OLLAMA or put ollama on PATH"
)


@dataclass(frozen=True)
class Beside(Pair):
    """A home with loco-tiny beside a real Ollama with its files in `folder`."""

    folder: Path
    server: RealOllama

    def blob(self, tag: str) -> Path:
        """The adapter of a model, or a base's weights."""
        weights, loras = weights_of(self.api.show(tag).modelfile)
        return self.folder / "models" / "blobs" / f"sha256-{(*weights, *loras)[-1]}"

    def make(self, tag: str, source: str) -> None:
        """What somebody else makes under that name."""
        self.api.create(NewModel(tag, source=source, system="Mine now."))


@pytest.fixture
def address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def pair(installed: Path, home: Home, tmp_path: Path, address: str) -> Iterator[Beside]:
    folder = tmp_path / "ollama"
    with running_ollama(str(REAL), folder, address) as server, OllamaApi(server.url) as api:
        yield Beside(Home(copy_home(installed, home.root)), api, folder, server)


def overwrite_base(pair: Beside) -> None:
    other = write_tiny_base(pair.folder / "other.gguf")
    pair.api.put_blob(other, sha256_of(other))
    pair.api.create(NewModel(BASE, files={"other.gguf": f"sha256:{sha256_of(other)}"}))


SPOILED: dict[str, tuple[Callable[[Beside], object], str]] = {
    "deleted": (lambda pair: pair.api.delete(WORDS), f"{WORDS} was deleted in Ollama."),
    "overwritten": (lambda pair: pair.make(WORDS, DATES), f"{WORDS} was changed in Ollama by somebody else."),
    "file gone": (lambda pair: pair.blob(WORDS).unlink(), f"A file of {WORDS} is missing in Ollama."),
    "file cut": (
        lambda pair: pair.blob(WORDS).write_bytes(b"GGUF"),
        f"A file of {WORDS} in Ollama has another size than it had.",
    ),
    "base deleted": (lambda pair: pair.api.delete(BASE), f"The base {BASE} in Ollama was deleted."),
    "base overwritten": (overwrite_base, f"The base {BASE} in Ollama was changed by somebody else."),
    "base's file gone": (lambda pair: pair.blob(BASE).unlink(), f"The base {BASE} in Ollama has lost its file."),
}


def test_each_difference_is_named_and_one_sync_mends_it(pair: Beside) -> None:
    before = pair.tags()
    pair.sync("native")
    wanted = pair.tags()
    for name, (spoil, sentence) in SPOILED.items():
        spoil(pair)
        (difference,) = pair.differences()
        assert (difference.sentence, difference.fix) == (sentence, "locoman sync"), name
        pair.sync()
        assert pair.differences() == (), name
        now = pair.tags()
        assert {tag: now.get(tag) for tag in wanted} == wanted, name
        for kept in set(now) - set(wanted):
            assert "-kept-" in kept, name
            pair.api.delete(kept)
    execute_remove(pair.home, plan_remove_all(pair.home), pair.api)
    assert pair.tags() == before


@pytest.mark.parametrize("where", ["handed over", "made"])
def test_a_server_that_dies_on_the_way_has_no_half_model_and_the_next_sync_goes_on(
    pair: Beside, address: str, where: str
) -> None:
    pair.sync("native")
    before, killed = pair.tags(), threading.Event()

    def kill() -> None:
        killed.set()
        pair.server.process.kill()
        pair.server.process.wait()

    def stages(title: str) -> Progress:
        if title != f"dates@1.0.0: {'to' if where == 'handed over' else 'made in'} Ollama":
            return no_progress
        if where == "made":  # the request is on its way; llama-quantize takes longer than this
            threading.Timer(0.02, kill).start()
            return no_progress
        return lambda done, total, unit: None if killed.is_set() else kill()

    with pytest.raises(OllamaUnavailable):
        execute_sync(pair.home, shelf_of(pair.home), pair.api, pair.plan("merged"), stages)
    assert killed.is_set()
    (difference,) = pair.differences()
    assert (difference.kind, difference.fix) == ("unreachable", "ollama serve")
    with running_ollama(str(REAL), pair.folder, address):
        after = pair.tags()
        assert set(after) == set(before)
        assert "unfinished" in pair.kinds() or "outdated" in pair.kinds()
        assert all(difference.fix.startswith("locoman sync") for difference in pair.differences())
        pair.sync("merged", prune=True)
        assert pair.differences() == ()
        assert set(pair.tags()) == set(before) - {BASE}
