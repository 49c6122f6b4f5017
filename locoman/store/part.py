"""A file that is being downloaded: its bytes so far, and where they came from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import msgspec

from locoman.store.atomic import write_atomic
from locoman.store.digests import sha256_of

_MAX_ORIGIN_BYTES = 1 << 16
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')


class _Origin(msgspec.Struct, frozen=True):
    """`source` is the sha256 of the URL, which itself may hold a key."""

    source: str
    etag: str | None
    total: int | None


class Part:
    """A part and its origin. Bytes that were appended survive the death of the process.

    The origin is removed before bytes are thrown away and written before new ones come, so no bytes ever stand beside
    the origin of others; bytes without an origin are thrown away on opening. Methods may raise OSError and
    StoreError.
    """

    def __init__(self, path: Path, origin_path: Path, file: FileIO) -> None:
        self.path = path
        self._origin_path = origin_path
        self._file = file
        self._origin = _read_origin(origin_path)
        self.size = file.seek(0, 2)
        if self._origin is None:
            self.clear()

    @classmethod
    @contextmanager
    def open(cls, folder: Path, key: str) -> Iterator[Part]:
        """The part of `key` in `folder`, made if need be. One process at a time may have it open."""
        path = folder / f"{key}.part"
        path.touch()
        with FileIO(path, "r+b") as file:
            yield cls(path, _origin_path(path), file)

    @staticmethod
    def forget(path: Path) -> None:
        """Removes the origin of a part that was moved away."""
        _origin_path(path).unlink(missing_ok=True)

    @property
    def total(self) -> int | None:
        """The size of the whole file in bytes, if its server told."""
        return self._origin.total if self._origin else None

    def etag_from(self, url: str) -> str | None:
        """The strong entity tag under which `url` sent these bytes, if it did."""
        return self._origin.etag if self._origin and self._origin.source == _source(url) else None

    def begin(self, url: str, etag: str | None, total: int | None) -> None:
        """Throws away what is there; the bytes to come are from `url`. A weak `etag` is dropped."""
        self.clear()
        strong = etag if etag and _STRONG_ETAG.fullmatch(etag) else None
        self._write(_Origin(_source(url), strong, total))

    def finish(self) -> None:
        """Notes that nothing is missing, for a server that told no size."""
        if self._origin:
            self._write(msgspec.structs.replace(self._origin, total=self.size))

    def append(self, data: bytes) -> None:
        """Adds `data` at the end."""
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            self.size += written
            view = view[written:]

    def clear(self) -> None:
        """Throws everything away."""
        self._origin_path.unlink(missing_ok=True)
        self._origin = None
        self._file.truncate(0)
        self._file.seek(0)
        self.size = 0

    def sha256(self) -> str:
        """The digest in hex of what is on disk."""
        return sha256_of(self.path)

    def _write(self, origin: _Origin) -> None:
        write_atomic(self._origin_path, msgspec.json.encode(origin), mode=0o600)
        self._origin = origin


def _origin_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _source(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _read_origin(path: Path) -> _Origin | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_ORIGIN_BYTES), type=_Origin)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
