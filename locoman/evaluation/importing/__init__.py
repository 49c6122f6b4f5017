"""Suites that others wrote: one reader per shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from locoman.errors import InvalidFile, Unsupported
from locoman.evaluation.importing import gsm8k, humaneval, mmlu, squad
from locoman.evaluation.importing.rows import Row, read_rows
from locoman.evaluation.importing.shape import Imported
from locoman.evaluation.importing.task import read_task

Reader = Callable[[str, Path, list[Row]], Imported]

SHAPES: Mapping[str, tuple[frozenset[str], Reader]] = {
    "humaneval": (humaneval.KEYS, humaneval.read),
    "squad": (squad.KEYS, squad.read),
    "mmlu": (mmlu.KEYS, mmlu.read),
    "gsm8k": (gsm8k.KEYS, gsm8k.read),
}
"""JSON lines by their shape: the keys by which a line is recognised, and the reader."""

TASK_ENDINGS = (".yaml", ".yml")


def import_suite(
    path: Path, name: str, *, shape: str = "", data: Path | None = None, examples: Path | None = None, scorer: str = ""
) -> Imported:
    """The suite in `path`: a task of lm-evaluation-harness (YAML), or JSON lines of a known shape ("": recognised).

    For a task, `data` and `examples` are the JSON lines of its cases and of those shown first, where it takes them from a
    hub, and `scorer` is which of its filters counts. Raises InvalidFile, Unsupported, UsageError, StoreError.
    """
    if path.suffix in TASK_ENDINGS:
        return read_task(path, name, data, examples, scorer)
    rows = read_rows(path)
    return SHAPES[shape or _recognised(path, rows[0])][1](name, path, rows)


def _recognised(path: Path, row: Row) -> str:
    for shape, (keys, _) in SHAPES.items():
        if keys <= row.fields.keys():
            return shape
    known = "; ".join(f"{shape}: {', '.join(sorted(keys))}" for shape, (keys, _) in SHAPES.items())
    raise Unsupported(path, f"the shape of its lines is not known ({known})", line=row.line)


__all__ = ["SHAPES", "Imported", "InvalidFile", "import_suite"]
