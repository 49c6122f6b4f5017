"""A log file that cannot grow without bound, and its last lines at hand."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from locoman.store.atomic import mapped

_KEPT_LINES = 200
_LINE_BYTES = 2000


class BoundedLog:
    """Holds at most `limit` bytes on disk; when full it starts again from the last lines."""

    def __init__(self, path: Path, limit: int = 1 << 19) -> None:
        self.path = path
        self._limit = limit
        self._size = 0
        self._rest = b""
        self._tail: deque[bytes] = deque(maxlen=_KEPT_LINES)

    def begin(self) -> None:
        """Makes it ready for a new process: `lines` are that one's alone, the file goes on. Raises StoreError."""
        self._tail.clear()
        self._rest = b""
        with mapped(self.path):
            self.path.touch()
            self._size = self.path.stat().st_size

    def write(self, data: bytes) -> None:
        """Adds what a process printed. Raises StoreError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_LINE_BYTES:]
        self._tail.extend(line[:_LINE_BYTES] for line in lines)
        self._size += len(data)
        with mapped(self.path):
            if self._size > self._limit:
                kept = b"\n".join(self._tail) + b"\n"
                self.path.write_bytes(kept)
                self._size = len(kept)
            else:
                with self.path.open("ab") as file:
                    file.write(data)

    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        lines = [*self._tail, self._rest] if self._rest else list(self._tail)
        return [line.decode("utf-8", "replace") for line in lines]
