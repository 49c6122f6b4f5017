"""Reads GGUF files that may be truncated, oversized or forged: every count, length and offset is checked first.

The limits are llama.cpp's own (ggml/src/gguf.cpp) where it has any, so that a file accepted here is one it can load.
Nothing but the header is read on opening; arrays and tensors stay in the memory-mapped file until they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.files import map_file
from locoman.weights.gguf_values import MAX_KEY_BYTES, Cursor, GgufArray, MetadataValue, Packed
from locoman.weights.tensor_types import TYPES_BY_CODE, TensorType, dequantize_rows

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 20
MAX_NAME_BYTES = 63
MAX_DIMENSIONS = 4
MAX_ENTRIES = 1 << 16
"""Metadata entries, and tensors, of one file."""


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """A tensor of a GGUF file: `shape` in numpy's order (row length last), `offset` from the start of the file."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int

    @property
    def rows(self) -> int:
        return math.prod(self.shape[:-1])

    @property
    def row_bytes(self) -> int:
        return self.type.row_bytes(self.shape[-1])

    @property
    def bytes(self) -> int:
        return self.rows * self.row_bytes


class GgufFile:
    """An open GGUF file: its metadata, its tensors and their bytes. Use it in a `with` block, or close it."""

    def __init__(
        self,
        path: Path,
        version: int,
        metadata: Mapping[str, MetadataValue],
        packed: Mapping[str, memoryview],
        tensors: Mapping[str, GgufTensor],
        data: NDArray[np.uint8],
    ) -> None:
        self.path = path
        self.version = version
        self.metadata = metadata
        self._packed = packed
        self.tensors = tensors
        self._data: NDArray[np.uint8] | None = data

    @classmethod
    def open(cls, path: Path) -> GgufFile:
        """Maps the file and reads its header. Raises InvalidFile, Unsupported, StoreError."""
        data = map_file(path)
        cursor = Cursor(data.data, path)
        version = _read_version(cursor, data, path)
        tensor_count, entry_count = cursor.u64(), cursor.u64()
        if tensor_count > MAX_ENTRIES or entry_count > MAX_ENTRIES:
            raise cursor.invalid(f"it announces {tensor_count} tensors and {entry_count} metadata entries")
        metadata, packed = _read_metadata(cursor, entry_count, data.data)
        tensors = _read_tensors(cursor, tensor_count, _read_alignment(metadata, cursor), len(data), path)
        return cls(path, version, metadata, packed, tensors, data)

    def __enter__(self) -> GgufFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file; arrays handed out before keep it mapped until they go."""
        self._data = None
        self._packed = {}
        self.metadata = {}

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    def text(self, key: str, default: str | None = None) -> str:
        """The string under `key`; raises InvalidFile when it is missing (without a default) or no string."""
        value = self.metadata.get(key, default)
        if not isinstance(value, str):
            raise InvalidFile(self.path, f"the metadata has no text under {key!r}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """The number under `key`; raises InvalidFile when it is missing (without a default) or no number."""
        value = self.metadata.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidFile(self.path, f"the metadata has no number under {key!r}")
        return value

    def array(self, key: str) -> GgufArray:
        """The array under `key`; raises InvalidFile when there is none."""
        value = self.metadata.get(key)
        if not isinstance(value, GgufArray):
            raise InvalidFile(self.path, f"the metadata has no array under {key!r}")
        return value

    def packed(self, key: str) -> Packed:
        """The value under `key`, which must be there, just as it is stored."""
        return Packed(bytes(self._packed[key]))

    def raw(self, tensor: GgufTensor) -> NDArray[np.uint8]:
        """The stored bytes (rows x row_bytes), still in the mapped file."""
        if self._data is None:
            raise ValueError("the GGUF file is closed")
        return self._data[tensor.offset : tensor.offset + tensor.bytes].reshape(tensor.rows, tensor.row_bytes)

    def values(self, tensor: GgufTensor, rows: Sequence[int] | slice) -> NDArray[np.float32]:
        """The chosen rows as float32 (rows x columns). Raises Unsupported for a type that cannot be decoded here."""
        try:
            return dequantize_rows(self.raw(tensor)[rows], tensor.type)
        except NotImplementedError as error:
            raise Unsupported(self.path, f"tensors of type {tensor.type.name} cannot be decoded") from error


def _read_version(cursor: Cursor, data: NDArray[np.uint8], path: Path) -> int:
    start = cursor.skip(4)
    if data[start : start + 4].tobytes() != MAGIC:
        raise cursor.invalid("it does not begin with GGUF")
    version = cursor.u32()
    if version & 0xFFFF == 0 and version:
        raise Unsupported(path, "a GGUF file for big-endian machines")
    if version not in VERSIONS:
        raise Unsupported(path, f"GGUF version {version} (known: {' and '.join(map(str, VERSIONS))})")
    return version


def _read_metadata(
    cursor: Cursor, count: int, data: memoryview
) -> tuple[dict[str, MetadataValue], dict[str, memoryview]]:
    """The values, and the bytes (type and value) that each takes."""
    metadata: dict[str, MetadataValue] = {}
    packed: dict[str, memoryview] = {}
    for _ in range(count):
        key = cursor.string(MAX_KEY_BYTES, "a metadata key")
        if not key or key in metadata:
            raise cursor.invalid(f"the metadata key {key[:80]!r} is {'repeated' if key else 'empty'}")
        start = cursor.position
        metadata[key] = cursor.value()
        packed[key] = data[start : cursor.position]
    return metadata, packed


def _read_alignment(metadata: Mapping[str, MetadataValue], cursor: Cursor) -> int:
    value = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_ALIGNMENT or value & (value - 1):
        raise cursor.invalid("its alignment is not a power of two")
    return value


def _read_tensors(cursor: Cursor, count: int, alignment: int, size: int, path: Path) -> dict[str, GgufTensor]:
    """The tensor directory. As llama.cpp demands, the data lie one after the other, each padded to the alignment."""
    listed: list[tuple[str, tuple[int, ...], TensorType]] = []
    expected = 0
    for _ in range(count):
        name = cursor.string(MAX_NAME_BYTES, "a tensor name")
        shape = _read_shape(cursor, name)
        kind = TYPES_BY_CODE.get(code := cursor.u32())
        if kind is None:
            raise Unsupported(path, f"the tensor {name!r} has the unknown type {code}")
        if not kind.fits(shape[-1]):
            raise cursor.invalid(f"the rows of tensor {name!r} are no whole blocks of {kind.name}")
        if (offset := cursor.u64()) != expected:
            raise cursor.invalid(f"the tensor {name!r} lies at {offset} instead of {expected}")
        listed.append((name, shape, kind))
        expected = _align(expected + math.prod(shape[:-1]) * kind.row_bytes(shape[-1]), alignment)
        if expected > size + alignment:
            raise cursor.invalid(f"the file ends inside the tensor {name!r}")
    position = _align(cursor.position, alignment)
    tensors: dict[str, GgufTensor] = {}
    for name, shape, kind in listed:
        if name in tensors:
            raise cursor.invalid(f"the tensor {name!r} is there twice")
        tensors[name] = tensor = GgufTensor(name, shape, kind, position)
        if position + tensor.bytes > size:
            raise cursor.invalid(f"the file ends inside the tensor {name!r}")
        position = _align(position + tensor.bytes, alignment)
    if size > position:
        raise cursor.invalid(f"{size - position} bytes follow the last tensor")
    return tensors


def _read_shape(cursor: Cursor, name: str) -> tuple[int, ...]:
    dimensions = cursor.u32()
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise cursor.invalid(f"the tensor {name!r} has {dimensions} dimensions")
    shape = tuple(cursor.u64() for _ in range(dimensions))[::-1]
    if not 0 < math.prod(shape) < 1 << 62:
        raise cursor.invalid(f"the tensor {name!r} has an impossible shape")
    return shape


def _align(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
