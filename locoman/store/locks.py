"""Lock files: what one process holds, another one waits for or leaves alone. The system frees them when a process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from locoman.errors import StoreBusy
from locoman.store.atomic import mapped


@contextmanager
def held(lock: Path, of: Path, wait: float = 0.0) -> Iterator[None]:
    """Holds the file `lock`, which guards `of`. Raises StoreBusy after `wait` seconds, StoreError."""
    file = FileLock(lock)
    with mapped(lock.parent):
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            file.acquire(timeout=wait)
        except Timeout:
            raise StoreBusy(of) from None
    try:
        yield
    finally:
        file.release()
