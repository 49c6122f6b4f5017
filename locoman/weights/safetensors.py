"""Reads safetensors files that may be truncated, oversized or forged, and refuses pickled weights unread.

The format: an 8-byte little-endian length, that many bytes of JSON, then the tensors' bytes, which must fill the rest
of the file without gaps or overlaps (github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.files import map_file, parse_json, read_json

MAX_HEADER_BYTES = 32 << 20
MAX_INDEX_BYTES = 32 << 20
MAX_NAME_CHARACTERS = 512
MAX_DIMENSIONS = 8
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

_ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "BOOL": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1,
}  # fmt: skip
_DECODED = ("F32", "F16", "BF16")

_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: Annotated[tuple[_Size, ...], msgspec.Meta(max_length=MAX_DIMENSIONS)]
    data_offsets: tuple[_Size, _Size]


class _Index(msgspec.Struct, frozen=True):
    weight_map: dict[str, str]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a safetensors file, its bytes still in the mapped file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: Path
    data: NDArray[np.uint8] = field(compare=False, repr=False)

    @property
    def rows(self) -> int:
        """The number of rows; a vector is one row."""
        return math.prod(self.shape[:-1])

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        """The chosen rows as float32 (rows x columns). Raises Unsupported for anything but F32, F16 and BF16."""
        if self.dtype not in _DECODED:
            raise Unsupported(self.path, f"the tensor {self.name!r} is stored as {self.dtype}; use F32, F16 or BF16")
        row_bytes = _ITEM_BYTES[self.dtype] * self.shape[-1]
        from locoman.weights.tensor_types import TYPES, dequantize_rows  # brings the gguf package, 50 ms

        return dequantize_rows(self.data.reshape(self.rows, row_bytes)[rows], TYPES[self.dtype])


def open_safetensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file by name. Raises InvalidFile, Unsupported, StoreError."""
    if path.suffix in PICKLED:
        raise _pickled(path)
    data = map_file(path)
    if len(data) < 8 or (length := int.from_bytes(data[:8].tobytes(), "little")) > len(data) - 8:
        raise InvalidFile(path, "not a usable safetensors file: it ends inside its header")
    if length > MAX_HEADER_BYTES:
        raise InvalidFile(path, f"not a usable safetensors file: a header of {length} bytes")
    header = parse_json(data[8 : 8 + length].tobytes(), path, dict[str, msgspec.Raw])
    header.pop("__metadata__", None)
    entries = {name: parse_json(raw, path, _Entry) for name, raw in header.items()}
    _check_layout(entries, len(data) - 8 - length, path)
    body = data[8 + length :]
    return {
        name: StoredTensor(name, entry.shape, entry.dtype, path, body[slice(*entry.data_offsets)])
        for name, entry in entries.items()
    }


def open_weights(folder: Path, stem: str = "model") -> dict[str, StoredTensor]:
    """All tensors of a folder: `stem`.safetensors, or the files that `stem`.safetensors.index.json names.

    Raises InvalidFile, Unsupported (only pickled weights are there), StoreError.
    """
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.is_file():
        return open_safetensors(single)
    if index.is_file():
        return _open_shards(index)
    pickled = sorted(path for path in folder.glob("*") if path.suffix in PICKLED)
    if pickled:
        raise _pickled(pickled[0])
    raise InvalidFile(single, "the file is missing")


def _open_shards(index: Path) -> dict[str, StoredTensor]:
    where = read_json(index, _Index, MAX_INDEX_BYTES).weight_map
    shards: dict[str, Mapping[str, StoredTensor]] = {}
    for name in sorted(set(where.values())):
        if any(character in name for character in "/\\:\0"):
            raise InvalidFile(index, f"it names the file {name[:80]!r}, which is not in this folder")
        if name.endswith(PICKLED):
            raise _pickled(index.with_name(name))
        if not name.endswith(".safetensors"):
            raise InvalidFile(index, f"it names the file {name[:80]!r}, which is no safetensors file")
        shards[name] = open_safetensors(index.parent / name)
    tensors: dict[str, StoredTensor] = {}
    for tensor, name in where.items():
        if tensor not in shards[name]:
            raise InvalidFile(index, f"the tensor {tensor[:80]!r} is not in {name}")
        tensors[tensor] = shards[name][tensor]
    return tensors


def _check_layout(entries: Mapping[str, _Entry], available: int, path: Path) -> None:
    position = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].data_offsets):
        item_bytes = _ITEM_BYTES.get(entry.dtype)
        if item_bytes is None:
            raise Unsupported(path, f"the tensor {name[:80]!r} has the unknown type {entry.dtype[:20]!r}")
        start, end = entry.data_offsets
        size_fits = end - start == math.prod(entry.shape) * item_bytes
        if len(name) > MAX_NAME_CHARACTERS or start != position or not size_fits:
            raise InvalidFile(path, f"not a usable safetensors file: the place of the tensor {name[:80]!r} is wrong")
        position = end
    if position != available:
        raise InvalidFile(path, f"not a usable safetensors file: {available} bytes of tensors, {position} announced")


def _pickled(path: Path) -> Unsupported:
    return Unsupported(path, "pickled weights are never read, as they can run code; save the model as safetensors")
