"""The rows of a tensor worked on some at a time: by several threads, in order, and in little memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.tensor_types import LARGEST, TensorType, quantize_rows
from locoman.weights.transforms import TensorSource

T = TypeVar("T")

Piece = NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
"""Some stored bytes of a tensor, or work that gives them and may be done in any thread."""

PIECE_VALUES = 1 << 20
"""Values converted at a time: 4 MB as float32."""

_AHEAD = 3
"""Pieces worked on or waiting to be written, for each thread."""


def stored_pieces(
    source: TensorSource, kind: TensorType, factor: float = 1.0, importance: NDArray[np.float32] | None = None
) -> Iterator[Piece]:
    """The rows of `source`, times `factor`, as `kind` stores them. The work raises InvalidFile, Unsupported.

    `importance` (experts x columns) weighs the columns; the rows are those of as many experts, one after the other.
    """
    experts = 1 if importance is None else len(importance)
    size = source.rows // experts
    for rows in row_blocks(source, experts):
        weights = None if importance is None else importance[rows.start // size]
        yield partial(_stored_rows, source, rows, kind, factor, weights)


def row_blocks(source: TensorSource, experts: int = 1) -> Iterator[slice]:
    """All rows in order: at most PIECE_VALUES values at a time, at least one row, and never of two experts."""
    size = source.rows // experts
    step = max(1, PIECE_VALUES // max(1, source.shape[-1]))
    for first in range(0, source.rows, max(1, size)):
        for start in range(first, first + size, step):
            yield slice(start, min(start + step, first + size))


def in_order(items: Iterable[tuple[T, Piece]]) -> Generator[tuple[T, NDArray[np.uint8]]]:
    """The pieces' bytes, each with what it came with, in order; the work is done ahead by a thread per processor.

    An error of the work is raised where its piece would have come.
    """
    threads = processors()
    waiting: deque[tuple[T, Future[NDArray[np.uint8]] | NDArray[np.uint8]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pieces")
    try:
        for tag, piece in items:
            waiting.append((tag, pool.submit(piece) if callable(piece) else piece))
            if len(waiting) >= _AHEAD * threads:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _result(tag: T, piece: Future[NDArray[np.uint8]] | NDArray[np.uint8]) -> tuple[T, NDArray[np.uint8]]:
    return tag, piece.result() if isinstance(piece, Future) else piece


def _stored_rows(
    source: TensorSource, rows: slice, kind: TensorType, factor: float, importance: NDArray[np.float32] | None
) -> NDArray[np.uint8]:
    values = source.values(rows)
    if factor != 1.0:
        values = values * np.float32(factor)
    largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
    if not np.isfinite(largest):
        raise InvalidFile(source.path, f"the tensor {source.name} holds values that are no finite numbers")
    if largest > LARGEST[kind.name]:
        raise Unsupported(source.path, f"the tensor {source.name} holds {largest:g}, too large for {kind.name}")
    return quantize_rows(values, kind, importance)
