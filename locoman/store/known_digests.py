"""Digests remembered by file identity, so that a large file that nobody touched is not read again.

A file is the same one while its `identity` is; one that was written in the last seconds is not remembered. A cache that is
broken or cannot be written is done without.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from locoman.documents import read_text
from locoman.errors import LocomanError
from locoman.store.atomic import mapped, write_atomic
from locoman.store.digests import sha256_of
from locoman.store.identity import Identity, are_settled, identity_of

_MAX_ENTRIES = 64
_MAX_BYTES = 1 << 16


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    identity: Identity
    sha256: str


class KnownDigests:
    """The digests that it was asked for last, kept in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, file: Path) -> str:
        """As `digests.sha256_of`; a file that is known is not read. Raises StoreError."""
        identity = _identity(file)
        settled = are_settled([identity])
        entries = self._load()
        for entry in entries:
            if entry.identity == identity:
                return entry.sha256
        found = sha256_of(file)
        if settled and _identity(file) == identity:
            others = [entry for entry in entries if entry.identity[0] != identity[0]]
            with suppress(LocomanError):  # a home that cannot be written has no cache
                write_atomic(self._path, msgspec.json.encode([*others, _Entry(identity, found)][-_MAX_ENTRIES:]))
        return found

    def _load(self) -> list[_Entry]:
        try:
            return msgspec.json.decode(read_text(self._path, _MAX_BYTES), type=list[_Entry])
        except (LocomanError, msgspec.MsgspecError):
            return []


def _identity(file: Path) -> Identity:
    """Raises StoreError."""
    with mapped(file):
        return identity_of(file, file.stat())
