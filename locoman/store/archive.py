"""Reads archives that hold packages and bundles: zip files, by whomever. Nothing in one is trusted.

Every name, size and place is checked before anything is read: a path that leaves the folder, a link, a name twice (also
where only case or the form of letters differs), contents that overlap, a size that lies. Time and memory are bounded by
what the caller allows.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from locoman.errors import BadDelivery
from locoman.names import is_device
from locoman.progress import Progress, no_progress
from locoman.store.archive_seal import DIRECTORY_END, DIRECTORY_END64, LOCAL_HEADER, LOCATOR64, TAIL_BYTES, seal_of
from locoman.store.atomic import mapped

MAX_ENTRIES = 20_000
MAX_NAME_BYTES = 240
MAX_DIRECTORY_BYTES = 16 << 20
BLOCK = 1 << 20
_REGULAR = (0, 0o100000)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip
"""What zipfile raises on a broken archive, beside OSError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: its path below the folder it would be unpacked into, and its size in bytes."""

    name: str
    bytes: int


class Archive:
    """An open archive whose directory has been checked. Made by `open_archive`."""

    def __init__(
        self, path: Path, file: BinaryIO, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]
    ) -> None:
        self.path = path
        self._file = file
        self._archive = archive
        self._members = members

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files, in the order of the directory."""
        return tuple(Entry(name, info.file_size) for name, info in self._members.items())

    def read(self, name: str, limit: int) -> bytes:
        """A small file's content. Raises BadDelivery when it is missing, larger than `limit` bytes or damaged."""
        info = self._members.get(name)
        if info is None:
            raise BadDelivery(self.path, f"it holds no {name}")
        if info.file_size > limit:
            raise BadDelivery(self.path, f"its {name} is larger than {limit >> 10} KiB")
        return b"".join(self._blocks(name))

    def digest(self, name: str, progress: Progress = no_progress) -> str:
        """The sha256 of a file's content. Raises BadDelivery, StoreError."""
        return self._drain(name, lambda block: None, progress)

    def extract(self, name: str, target: Path, progress: Progress = no_progress) -> str:
        """Writes a file's content to the new file `target` and returns its sha256. Raises BadDelivery, StoreError."""
        with mapped(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                return self._drain(name, file.write, progress)

    def unpack(self, folder: Path) -> None:
        """Writes every file below the new folder `folder`. Raises BadDelivery, StoreError."""
        with mapped(folder):
            folder.mkdir(parents=True)
        for entry in self.entries:
            self.extract(entry.name, folder / PurePosixPath(entry.name))

    def check_seal(self) -> None:
        """Returns when nothing but the contents can have changed since `new_archive` wrote it. Raises BadDelivery."""
        with mapped(self.path):
            seal = seal_of(self._file, self._archive)
        if seal != self._archive.comment.decode("ascii", "replace"):
            raise BadDelivery(self.path, "it was changed since it was written: its seal does not match")

    def _drain(self, name: str, take: Callable[[bytes], object], progress: Progress) -> str:
        digest, done, size = hashlib.sha256(), 0, self._members[name].file_size
        for block in self._blocks(name):
            take(block)
            digest.update(block)
            done += len(block)
            progress(done, size, "bytes")
        return digest.hexdigest()

    def _blocks(self, name: str) -> Iterator[bytes]:
        """The content; errors of the archive are told as its own, those of whoever takes the blocks are not touched."""
        left = self._members[name].file_size
        try:
            with mapped(self.path), self._archive.open(self._members[name]) as source:
                while block := source.read(min(BLOCK, left + 1)):
                    left -= len(block)
                    if left < 0:
                        break
                    yield block
        except BROKEN as error:
            raise BadDelivery(self.path, f"{name} in it is damaged") from error
        if left:
            raise BadDelivery(self.path, f"{name} in it has another size than it says")


@contextmanager
def open_archive(path: Path, *, max_bytes: int, max_entries: int = MAX_ENTRIES) -> Iterator[Archive]:
    """Opens and checks an archive of at most `max_entries` files that unpack to at most `max_bytes`.

    Raises BadDelivery (no archive, cut short, hostile), StoreError.
    """
    with mapped(path):
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise BadDelivery(path, "the file is missing") from error
    with file:
        with mapped(path):
            _check_ending(file, path, max_entries)
        try:
            archive = zipfile.ZipFile(file)
        except BROKEN as error:
            raise BadDelivery(path, "its directory is damaged, or it was cut short") from error
        with archive:
            members = {name: info for info in archive.infolist() if (name := _checked_name(info, path))}
            _check_together(archive, members, path, max_bytes)
            yield Archive(path, file, archive, members)


def check_entry_name(name: str, path: Path | str) -> None:
    """Returns when `name` is a plain relative path on every file system. Raises BadDelivery, naming the archive `path`."""
    parts = name.split("/")
    plain = name.isprintable() and len(name.encode()) <= MAX_NAME_BYTES and not set(name) & set('\\:*?"<>|')
    # Windows takes off spaces and dots at the end, and gives devices a meaning in every folder.
    plain = plain and all(part and part not in (".", "..") and part[-1] not in " ." for part in parts)
    if not plain or any(is_device(part) for part in parts):
        raise BadDelivery(path, f"the path {name[:80]!r} in it leaves its folder, or cannot be one on every system")


def _checked_name(info: zipfile.ZipInfo, path: Path) -> str:
    """The name of a file, "" for a folder. Raises BadDelivery for anything else, and for contents that cannot be read."""
    # orig_filename: zipfile itself would cut a name at a NUL and turn backslashes, and so make two names one.
    check_entry_name(info.orig_filename.rstrip("/"), path)
    if (info.external_attr >> 16) & 0o170000 == 0o040000 or info.is_dir():
        return ""
    if (info.external_attr >> 16) & 0o170000 not in _REGULAR:
        raise BadDelivery(path, f"{info.filename[:80]!r} in it is a link, or no plain file")
    if info.flag_bits & 1 or info.compress_type not in _METHODS:
        raise BadDelivery(path, f"{info.filename[:80]!r} in it is encrypted, or packed in an uncommon way")
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise BadDelivery(path, f"the size of {info.filename[:80]!r} in it is not true")
    return info.filename


def _check_together(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: Path, max_bytes: int) -> None:
    """No name twice, no contents that share bytes (by which a small file unpacks to petabytes), not too much in all."""
    files = [info for info in archive.infolist() if info.filename in members]
    seen = {unicodedata.normalize("NFC", name).casefold() for name in members}
    if len(seen) != len(files):
        raise BadDelivery(path, "two files in it have the same name")
    if both := {str(parent) for name in seen for parent in PurePosixPath(name).parents} & seen:
        raise BadDelivery(path, f"{min(both)[:80]!r} in it is a file and a folder")
    if sum(info.file_size for info in files) > max_bytes:
        raise BadDelivery(path, f"it would unpack to more than the {max_bytes} bytes that are allowed")
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise BadDelivery(path, f"{info.filename[:80]!r} in it overlaps with another file")
        end = info.header_offset + LOCAL_HEADER.size + info.compress_size
    if end > archive.start_dir:
        raise BadDelivery(path, "its contents run into its directory")


def _check_ending(file: BinaryIO, path: Path, max_entries: int) -> None:
    """Refuses, before the directory is read into memory, what has none or one too large to be honest."""
    begins = file.read(4)
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < DIRECTORY_END.size:
        detail = "it was cut short" if begins == b"PK\3\4" else "it is neither a bundle nor a package in a zip file"
        raise BadDelivery(path, detail)
    *_, count, directory, _, comment = DIRECTORY_END.unpack_from(tail, at)
    if at + DIRECTORY_END.size + comment != len(tail):
        raise BadDelivery(path, "it was cut short, or something was put behind its end")
    if at >= LOCATOR64.size and tail[at - LOCATOR64.size :][:4] == b"PK\6\7":
        place = at - LOCATOR64.size - DIRECTORY_END64.size
        if place < 0 or tail[place : place + 4] != b"PK\6\6":
            raise BadDelivery(path, "its directory is damaged")
        *_, count, directory, _ = DIRECTORY_END64.unpack_from(tail, place)
    if count > max_entries or directory > MAX_DIRECTORY_BYTES:
        raise BadDelivery(path, f"its directory announces {count} files in {directory} bytes")
