"""Runs a command and measures it: seconds, the peak memory of its process tree, and the disk that it takes on the way."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_PAUSE = 0.02
_LOOKS_APART = 10
"""Waits between two looks at memory and disk. A look walks over all processes of the machine, and must not slow the command."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`memory` is the largest sum over the process tree of each one's peak (its present size where the system keeps none),
    `disk` the most that `watched` grew; both in bytes."""

    seconds: float
    memory: int
    disk: int


def measure(command: Sequence[str], watched: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Runs `command` to its end. Raises CalledProcessError with the end of what it wrote."""
    before = _size(watched)
    memory = disk = 0
    started = time.perf_counter()
    log = watched / ".bench.log"
    with log.open("wb") as output:
        process = psutil.Popen(
            list(command), stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        looks = 0
        while process.poll() is None:
            if looks % _LOOKS_APART == 0:
                memory = max(memory, _memory(process))
                disk = max(disk, _size(watched) - before)
            looks += 1
            time.sleep(_PAUSE)
        seconds = time.perf_counter() - started
    disk = max(disk, _size(watched) - before)
    said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    log.unlink()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), said)
    return Measured(seconds, memory, disk)


def warm(*paths: Path) -> None:
    """Puts files into the page cache, and what was written before on the disk, so that each run starts alike."""
    if hasattr(os, "sync"):
        os.sync()
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(16 << 20):
                pass


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += _peak(one)
    except psutil.NoSuchProcess:
        pass
    return total


def _peak(process: psutil.Process) -> int:
    """The most memory that a process had so far, in bytes; what it has now where the system keeps no peak."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):  # not Linux, or it has ended
        now = process.memory_info()
        return int(getattr(now, "peak_wset", now.rss))


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # renamed in this instant
            continue
    return total
