"""Writes GGUF files as a stream: the header first, then each tensor in pieces, so that memory stays small."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from locoman.contracts import Progress
from locoman.weights.files import new_file
from locoman.weights.gguf import DEFAULT_ALIGNMENT, MAGIC
from locoman.weights.gguf_values import Packed, pack_string
from locoman.weights.tensor_types import TensorType

_VERSION = 3


@dataclass(frozen=True, slots=True)
class NewTensor:
    """A tensor to be written: `shape` in numpy's order; `pieces` yields its stored bytes, front to back."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    bytes: int
    pieces: Callable[[], Iterator[NDArray[np.uint8]]]


def write_gguf(target: Path, metadata: Mapping[str, Packed], tensors: Sequence[NewTensor], progress: Progress) -> None:
    """Writes `target` atomically. Progress counts bytes of tensor data. Raises StoreError, MissingPrerequisite."""
    total = sum(tensor.bytes for tensor in tensors)
    done = 0
    with new_file(target) as file:
        header = _header(metadata, tensors)
        file.write(header + bytes(-len(header) % DEFAULT_ALIGNMENT))
        progress(0, total, "bytes")
        for tensor in tensors:
            written = 0
            for piece in tensor.pieces():
                file.write(piece.reshape(-1).data)
                written += piece.nbytes
                progress(done + written, total, "bytes")
            if written != tensor.bytes:
                raise ValueError(f"{tensor.name}: {written} bytes written, {tensor.bytes} announced")
            file.write(bytes(-written % DEFAULT_ALIGNMENT))
            done += written


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
