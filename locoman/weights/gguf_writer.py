"""Writes GGUF files as a stream: the header first, then each tensor in pieces, so that memory stays small."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from locoman.progress import Progress
from locoman.weights.files import drop_pages, new_file
from locoman.weights.gguf import DEFAULT_ALIGNMENT, MAGIC
from locoman.weights.gguf_values import Packed, pack_string
from locoman.weights.pieces import Piece, in_order
from locoman.weights.tensor_types import TensorType

_VERSION = 3
_PIECES_KEPT = 32
"""After so many pieces the pages of the input are given back."""


@dataclass(frozen=True, slots=True)
class NewTensor:
    """A tensor to be written: `shape` in numpy's order; `pieces` yields its stored bytes, front to back."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    bytes: int
    pieces: Callable[[], Iterator[Piece]]


def write_gguf(target: Path, metadata: Mapping[str, Packed], tensors: Sequence[NewTensor], progress: Progress) -> None:
    """Writes `target` atomically. Progress counts bytes of tensor data. Raises StoreError, MissingPrerequisite, and what
    the pieces raise."""
    total = sum(tensor.bytes for tensor in tensors)
    with new_file(target) as file:
        progress(0, total, "bytes")
        write_content(file, metadata, tensors, lambda done: progress(done, total, "bytes"))


def write_content(
    file: BinaryIO, metadata: Mapping[str, Packed], tensors: Sequence[NewTensor], written: Callable[[int], None]
) -> None:
    """Writes a whole GGUF file; `written` is called with the bytes of tensor data so far."""
    header = _header(metadata, tensors)
    file.write(header + bytes(-len(header) % DEFAULT_ALIGNMENT))
    done = 0
    sizes = dict.fromkeys((tensor.name for tensor in tensors), 0)
    last: NewTensor | None = None
    with closing(in_order((tensor, piece) for tensor in tensors for piece in tensor.pieces())) as pieces:
        for count, (tensor, data) in enumerate(pieces, start=1):
            if last is not None and last is not tensor:
                file.write(bytes(-last.bytes % DEFAULT_ALIGNMENT))
            last = tensor
            file.write(data.reshape(-1).data)
            sizes[tensor.name] += data.nbytes
            done += data.nbytes
            if count % _PIECES_KEPT == 0:
                drop_pages()
            written(done)
    if last is not None:
        file.write(bytes(-last.bytes % DEFAULT_ALIGNMENT))
    for tensor in tensors:
        if sizes[tensor.name] != tensor.bytes:
            raise ValueError(f"{tensor.name}: {sizes[tensor.name]} bytes written, {tensor.bytes} announced")


def _header(metadata: Mapping[str, Packed], tensors: Sequence[NewTensor]) -> bytes:
    parts = [MAGIC, struct.pack("<IQQ", _VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        parts += (pack_string(key), value.data)
    offset = 0
    for tensor in tensors:
        dimensions = tensor.shape[::-1]
        parts.append(pack_string(tensor.name))
        parts.append(struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, tensor.type.code, offset))
        offset += tensor.bytes + -tensor.bytes % DEFAULT_ALIGNMENT
    return b"".join(parts)
