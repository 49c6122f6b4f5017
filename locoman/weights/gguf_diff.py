"""What two GGUF models have in common and where they differ: metadata entry by entry, tensors byte by byte and number by
number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from locoman.errors import Unsupported
from locoman.progress import Progress, no_progress
from locoman.weights.files import drop_pages
from locoman.weights.gguf_model import GgufModel, GgufRows
from locoman.weights.pieces import row_blocks

_BLOCKS_KEPT = 32

Kind = Literal["missing", "added", "shape", "type", "values"]


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """How a tensor of the second model differs: not there, only there, of another shape, stored as another type, or with
    other values of the same type.

    `error` is the root mean square of the differences over that of the first's values, `largest` the largest difference;
    both None where the values cannot be compared.
    """

    name: str
    kind: Kind
    first: str
    second: str
    error: float | None = None
    largest: float | None = None


@dataclass(frozen=True, slots=True)
class ModelDifference:
    """`keys` are metadata entries that differ (key, "missing" | "added" | "changed"). Bytes are those of tensors."""

    keys: tuple[tuple[str, Literal["missing", "added", "changed"]], ...]
    tensors: tuple[TensorDifference, ...]
    same_tensors: int
    same_bytes: int
    bytes: int

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.keys and not self.tensors

    @property
    def same_share(self) -> float:
        """The share of the second model's bytes that the first has too."""
        return self.same_bytes / self.bytes if self.bytes else 1.0


def diff_models(first: GgufModel, second: GgufModel, progress: Progress = no_progress) -> ModelDifference:
    """Compares two open models. Progress counts bytes of the second's tensors. Raises InvalidFile, StoreError."""
    total = sum(rows.bytes for rows in second.tensors.values())
    found: list[TensorDifference] = []
    same_tensors = same_bytes = done = 0
    for name in [*first.tensors, *(name for name in second.tensors if name not in first.tensors)]:
        before, after = first.tensors.get(name), second.tensors.get(name)
        difference = _compare(name, before, after)
        if difference is not None:
            found.append(difference)
        elif after is not None:
            same_tensors += 1
            same_bytes += after.bytes
        done += after.bytes if after else 0
        progress(done, total, "bytes")
    return ModelDifference(tuple(_diff_keys(first, second)), tuple(found), same_tensors, same_bytes, total)


def _diff_keys(first: GgufModel, second: GgufModel) -> Iterator[tuple[str, Literal["missing", "added", "changed"]]]:
    before, after = first.packed_metadata(), second.packed_metadata()
    for key in sorted({*before, *after}):
        if key not in after:
            yield key, "missing"
        elif key not in before:
            yield key, "added"
        elif before[key] != after[key]:
            yield key, "changed"


def _compare(name: str, before: GgufRows | None, after: GgufRows | None) -> TensorDifference | None:
    if before is None or after is None:
        return TensorDifference(name, "missing" if after is None else "added", _describe(before), _describe(after))
    if before.shape != after.shape:
        return TensorDifference(name, "shape", _describe(before), _describe(after))
    if before.type != after.type:
        return TensorDifference(name, "type", before.type.name, after.type.name, *_distance(before, after))
    if all(np.array_equal(before.stored(rows), after.stored(rows)) for rows in _released(before)):
        return None
    return TensorDifference(name, "values", before.type.name, after.type.name, *_distance(before, after))


def _distance(before: GgufRows, after: GgufRows) -> tuple[float | None, float | None]:
    """(relative root mean square error, largest difference); None for types that are not decoded here, and no numbers."""
    squares = of_before = largest = 0.0
    try:
        with np.errstate(all="ignore"):  # forged weights may be no numbers
            for rows in _released(before):
                values = before.values(rows).astype(np.float64)
                differences = after.values(rows) - values
                squares += float(np.square(differences).sum())
                of_before += float(np.square(values).sum())
                largest = max(largest, float(np.abs(differences).max(initial=0.0)))
    except Unsupported:
        return None, None
    if not math.isfinite(squares + of_before + largest):
        return None, None
    return math.sqrt(squares / of_before) if of_before else None, largest


def _released(rows: GgufRows) -> Iterator[slice]:
    """The blocks of rows; memory is given back on the way."""
    for count, block in enumerate(row_blocks(rows), start=1):
        yield block
        if count % _BLOCKS_KEPT == 0:
            drop_pages()


def _describe(rows: GgufRows | None) -> str:
    return f"{'x'.join(map(str, rows.shape))} {rows.type.name}" if rows else ""
