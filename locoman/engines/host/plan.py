"""What a llama.cpp process is to load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to be loaded; size and modification time tell it from one that takes its place under the same name."""

    path: str
    bytes: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> PlannedFile:
        """Zeros for a file that is not there: llama.cpp will complain about it."""
        try:
            status = path.stat()
        except OSError:
            return cls(str(path), 0, 0)
        return cls(str(path), status.st_size, status.st_mtime_ns)


_SMALL = 500_000_000
_SMALL_BATCH, _LARGE_BATCH = 512, 2048


def batch_of(model: PlannedFile) -> int:
    """Tokens to evaluate before llama.cpp looks up: of a base of some size few, since it must stop soon when nobody waits any
    more; of a small one, which takes no time, many, so that several prompts go together."""
    return _SMALL_BATCH if model.bytes > _SMALL else _LARGE_BATCH


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """`cells` tokens of KV are shared by all `slots`, and one request has `context` of them at most; `loras` are numbered
    in their order; `batch` tokens are evaluated at a time."""

    model: PlannedFile
    chat_template: str
    context: int
    cells: int
    slots: int
    threads: int
    loras: tuple[PlannedFile, ...] = ()
    batch: int = 512
