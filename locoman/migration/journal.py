"""What was done in a change of base, line by line: each is on disk before the next is begun, so that nothing is done twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from locoman.documents import MAX_LINE_BYTES
from locoman.errors import InvalidFile
from locoman.store.atomic import mapped, sync_folder

MAX_ENTRIES = 100_000


class Entry(msgspec.Struct, frozen=True):
    """A thing done: a `step`, to `subject`; `key` is a digest of all that it depended on, `data` its outcome."""

    at: str
    step: str
    subject: str = ""
    key: str = ""
    data: dict[str, Any] = {}


class Journal:
    """The journal of one change; a last line that was cut off by a kill counts as not written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, step: str, subject: str = "", key: str = "", data: object = None) -> Entry:
        """Adds a line, on disk when it returns. Raises StoreError, MissingPrerequisite (no space)."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(now, step, subject, key, msgspec.to_builtins(data) if data is not None else {})
        with mapped(self._path):
            new = not self._path.exists()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                torn = file.tell() > 0 and not _ends_whole(self._path)
                file.write((b"\n" if torn else b"") + msgspec.json.encode(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self._path.parent)
        return entry

    def entries(self) -> tuple[Entry, ...]:
        """All that was written, oldest first. Raises InvalidFile."""
        return tuple(self._read())

    def last(self, step: str, subject: str = "", key: str | None = None) -> Entry | None:
        """The newest line of a step (with that `key`, when one is given). Raises InvalidFile."""
        found = [e for e in self._read() if (e.step, e.subject) == (step, subject) and key in (None, e.key)]
        return found[-1] if found else None

    def _read(self) -> Iterator[Entry]:
        if not self._path.exists():
            return
        with mapped(self._path), self._path.open("rb") as file:
            for number in range(1, MAX_ENTRIES + 1):
                line = file.readline(MAX_LINE_BYTES + 1)
                if not line:
                    return
                try:
                    yield msgspec.json.decode(line, type=Entry)
                except msgspec.MsgspecError as error:
                    if len(line) > MAX_LINE_BYTES:
                        raise InvalidFile(self._path, "a line is too long", line=number) from error
                    continue  # cut off by a kill; what it would have said is done again
        raise InvalidFile(self._path, f"more than {MAX_ENTRIES} lines")


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
