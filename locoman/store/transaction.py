"""One writer at a time changes LOCOMAN_HOME: staged, published, committed by one write of the registry, then swept.

A process killed at any instant leaves the old registry or the new one. What it staged or published without committing is
found by the next writer through the staging folder, removed and reported.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from locoman.errors import LocomanError, StoreBusy
from locoman.store.atomic import mapped, publish
from locoman.store.beside import keep_promise, promise
from locoman.store.home import Home
from locoman.store.locks import held
from locoman.store.registry import Registry, load_registry, save_registry, written

LOCK_WAIT_SECONDS = 10.0
_LOCK = "registry.lock"


class Transaction:
    """A change in the making. Made by `change`; `staging` is a private folder on the same file system."""

    def __init__(self, home: Home, registry: Registry, staging: Path, recovered: tuple[str, ...]) -> None:
        self.home = home
        self.registry = registry
        self.staging = staging
        self.recovered = recovered

    def publish(self, staged: Path, final: Path) -> str:
        """Moves `staged` to `final` inside the home, in place of whatever is there; returns the relative path.

        A file is replaced in one step. A folder that is there is moved out of the way first: names carry digests, so only a
        damaged one, or one that was never committed, can be.
        """
        if final.is_dir():
            with mapped(final):
                final.replace(self.staging / f"replaced-{final.name}")
        publish(staged, final)
        return final.relative_to(self.home.root).as_posix()

    def commit(self, registry: Registry, beside: Mapping[str, bytes] | None = None) -> None:
        """Makes `registry` the truth, and with it the files `beside` it, by their names in the home's folder.

        Raises StoreError; then the registry's file says whether it is.
        """
        if beside:
            promise(self.staging, written(registry), beside)
        try:
            save_registry(self.home.registry, registry)
        except BaseException:
            # It may be in its place, and only its folder's sync failed: the sweep must not take what it names.
            self.registry = load_registry(self.home.registry)
            raise
        self.registry = registry
        keep_promise(self.staging, self.home.registry)


@contextmanager
def change(home: Home, *, wait: float = LOCK_WAIT_SECONDS) -> Iterator[Transaction]:
    """Opens LOCOMAN_HOME for one change. Raises StoreBusy after `wait` seconds, StoreReadOnly, InvalidFile."""
    with mapped(home.locks), held(home.locks / _LOCK, home.root, wait):
        recovered = _sweep(home, load_registry(home.registry)) if _interrupted(home) else ()
        home.staging.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="change-", dir=home.staging))
        transaction = Transaction(home, load_registry(home.registry), staging, recovered)
        try:
            yield transaction
        finally:
            with suppress(LocomanError):
                keep_promise(staging, home.registry)  # the registry may be in its place although its commit failed
            # The sweep comes first: while the staging folder stands, a kill in between is seen by the next writer.
            _sweep(home, transaction.registry, keep=staging)
            _delete(staging)


def recover(home: Home) -> tuple[str, ...]:
    """Removes what a killed process left behind and names it; () when nothing was, or another writer is at work."""
    if not _interrupted(home):
        return ()
    try:
        with mapped(home.locks), held(home.locks / _LOCK, home.root):
            return _sweep(home, load_registry(home.registry))
    except StoreBusy:
        return ()


def _interrupted(home: Home) -> bool:
    return home.staging.is_dir() and any(home.staging.iterdir())


def _sweep(home: Home, registry: Registry, keep: Path | None = None) -> tuple[str, ...]:
    """Deletes what the registry does not name in the folders that are ours alone; returns what went, relative."""
    for left in home.staging.glob("*"):
        if left != keep:
            with suppress(LocomanError):
                keep_promise(left, home.registry)
    named = registry.files()
    found = [
        *home.bases.glob("*/*"),
        *home.adapters.glob("*/*"),
        *home.router.glob("*"),
        *home.root.glob(".registry.toml.*.tmp"),
    ]
    gone = [path for path in found if not _is_named(path.relative_to(home.root).as_posix(), named)]
    gone += [path for path in home.staging.glob("*") if path != keep]
    for path in gone:
        _delete(path)
    for folder in [*home.bases.glob("*"), *home.adapters.glob("*")]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return tuple(sorted(path.relative_to(home.root).as_posix() for path in gone))


def _is_named(path: str, named: frozenset[str]) -> bool:
    return any(name == path or name.startswith(path + "/") for name in named)


def _delete(path: Path) -> None:
    """Removes a file or a folder; one that another process holds open (Windows) stays for the next sweep."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        return
