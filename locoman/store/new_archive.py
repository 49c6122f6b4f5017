"""Writes archives: zip files in which nothing is compressed, the same bytes from the same contents on every machine."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from locoman.errors import InvalidFile
from locoman.progress import Progress, no_progress
from locoman.store.archive import BLOCK, check_entry_name
from locoman.store.archive_seal import seal_of
from locoman.store.atomic import mapped

ENTRY_OVERHEAD = 30 + 46 + 20
"""Bytes of headers that a file takes beside twice its name."""
_DATE = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Written:
    """What was written for one file."""

    name: str
    bytes: int
    sha256: str


class ArchiveWriter:
    """Stores files one after the other. Made by `new_archive`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive

    def add(self, name: str, source: IO[bytes], size: int, progress: Progress = no_progress) -> Written:
        """Stores the `size` bytes of `source`. Raises InvalidFile when it has more or fewer. May raise OSError."""
        check_entry_name(name, self._path)
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system, info.external_attr, info.file_size = _UNIX, _PLAIN_FILE, size
        digest, done = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=size >= zipfile.ZIP64_LIMIT) as target:
            while done <= size and (block := source.read(min(BLOCK, size - done + 1))):
                target.write(block)
                digest.update(block)
                done += len(block)
                progress(done, size, "bytes")
        if done != size:
            raise InvalidFile(name, f"it changed its size of {size} bytes while it was read")
        return Written(name, size, digest.hexdigest())

    def add_file(self, name: str, path: Path, progress: Progress = no_progress) -> Written:
        """Stores the file at `path`. Raises InvalidFile, StoreError."""
        with mapped(path):
            source = path.open("rb")
        with source:
            return self.add(name, source, path.stat().st_size, progress)


@contextmanager
def new_archive(file: BinaryIO, path: Path) -> Iterator[ArchiveWriter]:
    """An archive in `file`, empty and open to write and read (`path` is only named in errors); sealed at the end."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        yield ArchiveWriter(path, archive)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = seal_of(file, archive).encode()


def files_of(folder: Path) -> tuple[tuple[str, Path], ...]:
    """Relative name and path of each regular file in a folder, sorted by name; links are passed over."""
    found = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    return tuple(sorted((name, path) for name, path in found if path.is_file() and not path.is_symlink()))


def archive_bytes(files: Iterator[tuple[str, int]]) -> int:
    """About how large an archive of files with these names and sizes in bytes is: a little more than it will be."""
    return sum(size + ENTRY_OVERHEAD + 2 * len(name.encode()) for name, size in files) + 1024
