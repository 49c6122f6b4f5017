"""Looks on while a program runs in a sandbox: takes its output, counts what it uses, and says when it must end."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import IO

from locoman.scoring.sandbox.box import End, Limits

TICK = 0.1
"""Seconds between two looks at what the program uses."""


class Watch:
    """Follows one process with pipes for its standard streams; `out` and `error` hold what it wrote, cut at the limit."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limits: Limits) -> None:
        self.out = bytearray()
        self.error = bytearray()
        self._process = process
        self._stdin = memoryview(stdin)
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
        self._selector.register(process.stdin, selectors.EVENT_WRITE)
        self._selector.register(process.stdout, selectors.EVENT_READ, self.out)
        self._selector.register(process.stderr, selectors.EVENT_READ, self.error)

    def follow(self, seconds: float) -> End | None:
        """Returns when the program has ended (None) or has to be ended, and why."""
        deadline = time.monotonic() + seconds
        looked = time.monotonic()
        with self._selector:
            while True:
                now = time.monotonic()
                if now >= deadline:
                    return "time"
                if now - looked >= TICK:
                    looked = now
                    if end := self._excess():
                        return end
                if not self._selector.get_map():
                    try:
                        self._process.wait(min(TICK, deadline - now))
                        return None
                    except subprocess.TimeoutExpired:
                        continue
                for key, _ in self._selector.select(min(TICK, deadline - now)):
                    self._move(key)
                if len(self.out) + len(self.error) > self._limits.output:
                    self._cut()
                    return "output"

    def _move(self, key: selectors.SelectorKey) -> None:
        stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
        if key.data is None:
            try:
                self._stdin = self._stdin[os.write(stream.fileno(), self._stdin[:65536]) if self._stdin else 0 :]
            except BrokenPipeError:
                self._stdin = self._stdin[:0]
            if not self._stdin:
                self._selector.unregister(stream)
                stream.close()
        elif piece := os.read(stream.fileno(), 65536):
            key.data.extend(piece)
        else:
            self._selector.unregister(stream)

    def _cut(self) -> None:
        del self.out[self._limits.output :]
        del self.error[self._limits.output - len(self.out) :]

    def _excess(self) -> End | None:
        """What all processes together use more of than they may."""
        import psutil

        try:
            below = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return None
        memory = sum(_resident(child) for child in below)
        if memory > self._limits.memory:
            return "memory"
        files = next((count for child in reversed(below) if (count := _files(child.pid)) is not None), 0)
        return "files" if files > self._limits.files else None


def _resident(process: object) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _files(pid: int) -> int | None:
    """How many files are in the temporary folder, as the process sees it; None where that cannot be told, or is not the
    sandbox's: bwrap itself sees this machine's, and so does what it starts, until it has set everything up."""
    inside = Path(f"/proc/{pid}/root/tmp")
    try:
        if inside.stat().st_dev == Path("/tmp").stat().st_dev:
            return None
        volume = os.statvfs(inside)
    except OSError:
        return None
    return volume.f_files - volume.f_ffree
