"""Files and folders that appear whole or not at all, and OSError told in locoman's words."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from locoman.errors import MORE_ROOM, LocomanError, MissingPrerequisite, StoreError, StoreReadOnly


def store_error(error: OSError, path: Path) -> LocomanError:
    """`error`, met while working on `path`, as one of locoman's own."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MissingPrerequisite(f"There is no disk space left in {path.parent}.", MORE_ROOM)
    if error.errno == errno.EFBIG:
        sentence = f"The disk with {path.parent} cannot hold a file this large: FAT32 ends at 4 GiB."
        return MissingPrerequisite(sentence, "format it as exFAT, or take another disk")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreReadOnly(path, "it cannot be written with your rights")
    return StoreError(path, (error.strerror or str(error)).lower())


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Maps any OSError inside to the tree of locoman.errors."""
    try:
        yield
    except OSError as error:
        raise store_error(error, path) from error


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replaces `path` by a file holding `data`: readers see the old bytes or the new ones. Raises StoreError."""
    with mapped(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def publish(staged: Path, final: Path) -> None:
    """Moves a finished file or folder to its place in one step, its content on disk first. Raises StoreError."""
    with mapped(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        for path in [staged, *staged.rglob("*")] if staged.is_dir() else [staged]:
            if path.is_file():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
        staged.replace(final)
        sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
