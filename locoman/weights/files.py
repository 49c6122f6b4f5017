"""How this room opens files: mapped arrays, bounded JSON, and outputs that appear whole or not at all."""

from __future__ import annotations

import mmap
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO, TypeVar
from weakref import WeakSet

import msgspec
import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile
from locoman.store.atomic import mapped, publish

T = TypeVar("T")

_SUFFIX, _FOLDER = ".tmp", ".folder"
_MAPPED: WeakSet[mmap.mmap] = WeakSet()


def map_file(path: Path) -> NDArray[np.uint8]:
    """The bytes of `path` as a read-only memory-mapped array. Raises InvalidFile (missing, empty), StoreError."""
    with mapped(path):
        try:
            if not path.stat().st_size:
                raise InvalidFile(path, "the file is empty")
            array = np.memmap(path, dtype=np.uint8, mode="r")
        except FileNotFoundError as error:
            raise InvalidFile(path, "the file is missing") from error
    if isinstance(array.base, mmap.mmap):
        _MAPPED.add(array.base)
    return array


def drop_pages() -> None:
    """Gives back the memory that pages read from mapped files take; they are read again when they are needed again."""
    if hasattr(mmap, "MADV_DONTNEED"):  # where it is missing, the system takes them back on its own
        for mapping in list(_MAPPED):
            mapping.madvise(mmap.MADV_DONTNEED)


def read_json(path: Path, kind: type[T], limit: int) -> T:
    """The JSON file as a `kind`; keys that `kind` does not name are passed over. Raises InvalidFile, StoreError."""
    with mapped(path):
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError as error:
            raise InvalidFile(path, "the file is missing") from error
    if len(data) > limit:
        raise InvalidFile(path, f"larger than {limit >> 20} MiB")
    return parse_json(data, path, kind)


def parse_json(data: bytes | memoryview | msgspec.Raw, path: Path, kind: type[T]) -> T:
    """As `read_json`, for bytes already read; `path` is only named in errors."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        reason = str(error)
        raise InvalidFile(path, f"broken JSON: {reason[:1].lower()}{reason[1:]}") from error
    except UnicodeDecodeError as error:
        raise InvalidFile(path, "broken JSON: not UTF-8 text") from error
    except RecursionError as error:
        raise InvalidFile(path, "broken JSON: nested too deeply") from error


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write; it takes the name `target` when the block ends well, and is gone when it does not.

    What a killed process left behind of the same target is taken away first. Raises StoreError, MissingPrerequisite (disk
    full).
    """
    temporary, file = _hold_new(target)
    try:
        with file:
            with mapped(target):
                yield file
                file.flush()
                with suppress(PermissionError):  # FAT, as on a stick, has no such rights
                    temporary.chmod(0o644)
            if sys.platform == "win32":  # where an open file can be renamed it is held until it has its name
                file.close()
            publish(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """As `new_file` for a folder; nothing may be called `target` yet.

    A folder cannot be held, so an empty file of the same name is as long as it is filled; one without it is left over.
    """
    marker, file = _hold_new(target)
    folder = marker.with_suffix(_FOLDER)
    try:
        with file:
            with mapped(target):
                folder.mkdir()
            yield folder
            publish(folder, target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        marker.unlink(missing_ok=True)


def sweep_unfinished(target: Path) -> None:
    """Deletes unfinished files and folders of `target` that nobody is writing any more."""
    start = f".{escape(target.name)}."
    for path in target.parent.glob(f"{start}*{_SUFFIX}"):
        with suppress(OSError):  # held by a living process, gone, or not ours
            _unlink_unless_held(path)
    for folder in target.parent.glob(f"{start}*{_FOLDER}"):
        if not folder.with_suffix(_SUFFIX).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _hold_new(target: Path) -> tuple[Path, BinaryIO]:
    """A new file beside `target`, held for as long as it is open."""
    with mapped(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_unfinished(target)
        while True:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_SUFFIX, dir=target.parent)
            with suppress(OSError):  # some file systems have no such marks; then nothing is swept there either
                _hold(handle)
            if Path(name).exists():  # else it was swept before it was held
                return Path(name), os.fdopen(handle, "w+b")
            os.close(handle)


def _unlink_unless_held(path: Path) -> None:
    """Raises OSError when somebody writes it."""
    if sys.platform == "win32":
        path.unlink()
        return
    with path.open("rb") as file:
        _hold(file.fileno())
        path.unlink()


def _hold(handle: int) -> None:
    """Marks an open file as being written for as long as it is open; raises BlockingIOError when somebody does.

    Windows needs no mark: there an open file cannot be deleted.
    """
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
