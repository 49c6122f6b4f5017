"""Fingerprints remembered by file identity, so that a model that has not changed is not read again.

A file is the same one while its `identity` is; one that was written in the last seconds is not remembered. A cache that is
broken, forged in its form, or cannot be written is as good as none.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

import msgspec

from locoman.errors import InvalidFile, InvalidName, LocomanError
from locoman.store.atomic import mapped, write_atomic
from locoman.store.identity import Identity, are_settled, identity_of
from locoman.weights.files import read_json
from locoman.weights.fingerprint import Fingerprint, fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.gguf_model import shard_files

MAX_ENTRIES = 256
MAX_BYTES = 1 << 20
_MAX_FILES = 2000
_VERSION = 1


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    identity: list[Identity]
    fingerprint: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    entries: list[_Entry]


class FingerprintCache:
    """Fingerprints of the models at which it was asked last, kept in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, model: Path) -> Fingerprint:
        """The fingerprint of a checkpoint folder or a GGUF model; one that is known is not read.

        Raises InvalidFile, Unsupported, StoreError.
        """
        identity = _identity(model)
        settled = len(identity) <= _MAX_FILES and are_settled(identity)
        entries = self._load()
        for entry in entries:
            if entry.identity == identity:
                with suppress(InvalidName):
                    return Fingerprint.parse(entry.fingerprint)
        found = fingerprint_of_checkpoint(model) if model.is_dir() else fingerprint_of_gguf(model)
        if settled and _identity(model) == identity:
            places = [row[0] for row in identity]
            others = [entry for entry in entries if [row[0] for row in entry.identity] != places]
            self._save([*others, _Entry(identity, str(found))][-MAX_ENTRIES:])
        return found

    def _load(self) -> list[_Entry]:
        try:
            document = read_json(self._path, _Document, MAX_BYTES)
        except LocomanError:
            return []
        return document.entries[-MAX_ENTRIES:] if document.version == _VERSION else []

    def _save(self, entries: list[_Entry]) -> None:
        while len(data := msgspec.json.encode(_Document(_VERSION, entries))) > MAX_BYTES:
            entries = entries[1:]
        with suppress(LocomanError):  # a home that cannot be written has no cache
            write_atomic(self._path, data)


def _identity(model: Path) -> list[Identity]:
    """Of each file. Raises InvalidFile, StoreError."""
    rows = list[Identity]()
    with mapped(model):
        for path in sorted(model.iterdir()) if model.is_dir() else shard_files(model):
            try:
                found = path.stat()
            except FileNotFoundError as error:
                raise InvalidFile(path, "the file is missing") from error
            if stat.S_ISREG(found.st_mode):
                rows.append(identity_of(path, found))
    return rows
