"""What a conversion does to a tensor on its way, as a short list of named functions that the family files refer to.

A transform wraps the place a tensor is read from; nothing is computed before rows are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TensorSource(Protocol):
    """Where the values of a tensor come from, any rows at a time and in any thread; a vector is one row."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def rows(self) -> int: ...

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        """The chosen rows as float32 (rows x columns)."""
        ...


@dataclass(frozen=True, slots=True)
class Reordered:
    """The rows of `source` in another order: row n is `order[n]` there."""

    source: TensorSource
    order: NDArray[np.intp] = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    @property
    def rows(self) -> int:
        return self.source.rows

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        return self.source.values(self.order[rows].tolist())


@dataclass(frozen=True, slots=True)
class Shifted:
    """`source` with `offset` added to every value, in float32."""

    source: TensorSource
    offset: float

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    @property
    def rows(self) -> int:
        return self.source.rows

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        return self.source.values(rows) + np.float32(self.offset)


@dataclass(frozen=True, slots=True)
class Computed:
    """A vector that no checkpoint stores: it follows from the config.json at `path`."""

    name: str
    path: Path
    vector: NDArray[np.float32] = field(compare=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.vector.shape

    @property
    def rows(self) -> int:
        return 1

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        return self.vector.reshape(1, -1)[rows]


def keep(source: TensorSource, heads: int) -> TensorSource:
    """The tensor as it is."""
    return source


def add_one(source: TensorSource, heads: int) -> TensorSource:
    """Gemma stores the weights of its norms less one; GGUF has them whole."""
    return Shifted(source, 1.0)


def pair_rotary_rows(source: TensorSource, heads: int) -> TensorSource:
    """Llama's rotary embedding turns rows i and i + d/2 of a head together in Hugging Face, rows 2i and 2i + 1 in GGUF."""
    size = source.rows // heads
    order = np.arange(source.rows).reshape(heads, 2, size // 2).swapaxes(1, 2).reshape(-1)
    return Reordered(source, order)


TRANSFORMS: dict[str, Callable[[TensorSource, int], TensorSource]] = {
    "keep": keep,
    "add_one": add_one,
    "pair_rotary_rows": pair_rotary_rows,
}
"""The functions by the names that the family files use; `heads` is the number of attention heads in the rows."""
