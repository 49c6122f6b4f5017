from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from locoman.errors import LocomanError, MissingPrerequisite, StoreBusy, StoreReadOnly
from locoman.store.atomic import store_error, write_atomic
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry, load_registry
from locoman.store.transaction import change, recover


def registered(gguf: str) -> Registry:
    return Registry(1, "tiny", (InstalledBase("tiny", gguf, "converted", "ab" * 32, 3, "f", ""),))


def put(home: Home, name: str, *, commit: bool = True) -> None:
    with change(home) as tx:
        staged = tx.staging / "file"
        staged.write_bytes(name.encode())
        relative = tx.publish(staged, home.bases / "tiny" / name)
        if commit:
            tx.commit(registered(relative))


def files(home: Home) -> set[str]:
    return {p.relative_to(home.root).as_posix() for p in home.root.rglob("*") if p.is_file() and p.suffix != ".lock"}


def test_a_commit_replaces_the_old_state_and_sweeps_it(home: Home) -> None:
    put(home, "one")
    put(home, "two")
    assert files(home) == {"registry.toml", "bases/tiny/two"}
    assert (home.bases / "tiny" / "two").read_bytes() == b"two"


def test_a_change_that_fails_leaves_the_old_state(home: Home) -> None:
    put(home, "one")
    with pytest.raises(RuntimeError), change(home) as tx:
        staged = tx.staging / "file"
        staged.write_bytes(b"two")
        tx.publish(staged, home.bases / "tiny" / "two")
        raise RuntimeError
    assert files(home) == {"registry.toml", "bases/tiny/one"}


def test_what_is_published_and_not_committed_does_not_stay(home: Home) -> None:
    put(home, "one")
    put(home, "two", commit=False)
    assert files(home) == {"registry.toml", "bases/tiny/one"}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_commit_that_fails_once_the_registry_is_replaced_loses_nothing_that_it_names(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    put(home, "one")

    def fail(folder: Path) -> None:
        if folder == home.root:
            raise error

    monkeypatch.setattr("locoman.store.atomic.sync_folder", fail)
    with pytest.raises((LocomanError, KeyboardInterrupt)):
        put(home, "two")
    named = load_registry(home.registry).files()
    assert named == {"bases/tiny/two"}
    assert files(home) == {"registry.toml", "bases/tiny/two"}


@pytest.mark.parametrize("instant", ["staged", "published", "committed"])
def test_a_killed_change_is_cleaned_up_and_named_by_the_next(home: Home, instant: str) -> None:
    put(home, "one")
    script = f"""
import os, pathlib, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_transaction import registered
from locoman.store.home import Home
from locoman.store.transaction import change
home = Home(pathlib.Path({str(home.root)!r}))
with change(home) as tx:
    staged = tx.staging / "file"
    staged.write_bytes(b"two")
    if {instant!r} == "staged": os._exit(9)
    relative = tx.publish(staged, home.bases / "tiny" / "two")
    if {instant!r} == "published": os._exit(9)
    tx.commit(registered(relative))
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    kept, gone = ("two", "one") if instant == "committed" else ("one", "two")
    assert load_registry(home.registry) == registered(f"bases/tiny/{kept}")
    cleaned = recover(home)
    assert any(name.startswith("staging/") for name in cleaned)
    assert (f"bases/tiny/{gone}" in cleaned) == (instant != "staged")
    assert files(home) == {"registry.toml", f"bases/tiny/{kept}"}
    assert recover(home) == ()


@pytest.mark.parametrize("instant", ["promised", "replaced", "half", "kept"])
def test_a_file_beside_the_registry_comes_with_its_commit_whenever_it_is_killed(home: Home, instant: str) -> None:
    put(home, "one")
    (home.root / "a.jsonl").write_text("old")
    script = f"""
import os, pathlib, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_transaction import registered
from locoman.store import transaction
from locoman.store.home import Home
home, instant = Home(pathlib.Path({str(home.root)!r})), {instant!r}
keep, save = transaction.keep_promise, transaction.save_registry
def saving(path, registry):
    if instant == "promised": os._exit(9)
    save(path, registry)
def keeping(staging, registry):
    if instant == "replaced": os._exit(9)
    if instant == "half":
        (staging / "beside-a.jsonl").replace(home.root / "a.jsonl")
        os._exit(9)
    keep(staging, registry)
    os._exit(9)
transaction.keep_promise, transaction.save_registry = keeping, saving
with transaction.change(home) as tx:
    staged = tx.staging / "file"
    staged.write_bytes(b"two")
    relative = tx.publish(staged, home.bases / "tiny" / "two")
    tx.commit(registered(relative), {{"a.jsonl": b"new", "b.jsonl": b"new"}})
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    recover(home)
    found = [(home.root / name).read_text() if (home.root / name).exists() else "" for name in ("a.jsonl", "b.jsonl")]
    new = instant != "promised"
    assert load_registry(home.registry) == registered(f"bases/tiny/{'two' if new else 'one'}")
    assert found == (["new", "new"] if new else ["old", ""])
    assert recover(home) == ()


def test_a_change_that_fails_leaves_the_files_beside_the_registry(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, "one")
    (home.root / "a.jsonl").write_text("old")

    def full(path: Path, registry: Registry) -> None:
        raise StoreReadOnly(path, "it cannot be written")

    monkeypatch.setattr("locoman.store.transaction.save_registry", full)
    with pytest.raises(StoreReadOnly), change(home) as tx:
        tx.commit(registered("bases/tiny/two"), {"a.jsonl": b"new"})
    assert (home.root / "a.jsonl").read_text() == "old"
    assert not any(home.staging.iterdir())


def test_only_one_writer_is_let_in(home: Home) -> None:
    with change(home):
        script = (
            "import sys; from pathlib import Path\n"
            "from locoman.store.home import Home\nfrom locoman.store.transaction import change, recover\n"
            "from locoman.errors import StoreBusy\n"
            "home = Home(Path(sys.argv[1]))\n"
            "assert recover(home) == ()\n"  # what is in staging is at work, not left behind
            "try:\n    change(home, wait=0.1).__enter__()\nexcept StoreBusy:\n    sys.exit(7)\n"
        )
        assert subprocess.run([sys.executable, "-c", script, str(home.root)], check=False).returncode == 7
    with change(home):
        pass


def test_a_busy_home_is_an_error_of_its_own(home: Home) -> None:
    with change(home), pytest.raises(StoreBusy), change(home, wait=0.0):
        pass


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, MissingPrerequisite), (errno.EROFS, StoreReadOnly), (errno.EACCES, StoreReadOnly)],
)
def test_a_full_or_read_only_disk_is_told_in_words(tmp_path: Path, number: int, kind: type[LocomanError]) -> None:
    assert isinstance(store_error(OSError(number, os.strerror(number)), tmp_path / "x"), kind)


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MissingPrerequisite):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
