"""What tells a file from what it was before, without reading it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

SETTLED_NS = 3_000_000_000
"""Age from which on any further change of a file shows in its times: some file systems count in 2 s (FAT)."""

Identity: TypeAlias = tuple[str, int, int, int, int, int]
"""Path, size, both times in ns, device and inode."""


def identity_of(path: Path, found: os.stat_result) -> Identity:
    """Of the file `path`, whose status was `found`. Raises OSError."""
    return str(path.resolve()), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino


def are_settled(identities: Iterable[Identity]) -> bool:
    """Whether all were left alone for a while: else one could change again without its identity changing. To be asked before
    the files are read."""
    newest = max((max(mtime, ctime) for _, _, mtime, ctime, _, _ in identities), default=0)
    return time.time_ns() - newest > SETTLED_NS


def stamp_of(status: os.stat_result | None) -> str:
    """Changes when the file was replaced, written or taken away (None: it is not there)."""
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}" if status is not None else "none"


def stamp(path: Path) -> str:
    """As `stamp_of`, for what can be seen of `path`."""
    try:
        return stamp_of(path.stat())
    except OSError:
        return stamp_of(None)
