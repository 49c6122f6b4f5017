"""A model in GGUF as a whole, whether it lies in one file or in shards, and its tensors as sources of rows.

Shards are called NAME-00001-of-0000N.gguf; the first holds the metadata, and each says which it is (llama.cpp:
src/llama-model-loader.cpp, tools/gguf-split).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile
from locoman.weights.gguf import GgufFile, GgufTensor
from locoman.weights.gguf_values import MetadataValue, Packed
from locoman.weights.tensor_types import TensorType

MAX_SHARDS = 4096
SPLIT_NO, SPLIT_COUNT, SPLIT_TENSORS = "split.no", "split.count", "split.tensors.count"
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_OF_THE_FILE = (SPLIT_NO, SPLIT_COUNT, SPLIT_TENSORS, "general.alignment")
"""Entries that tell how a file is laid out, not what the model is."""


@dataclass(frozen=True, slots=True)
class GgufRows:
    """A tensor of an open GGUF file as a source of rows (see `transforms.TensorSource`)."""

    file: GgufFile
    tensor: GgufTensor

    @property
    def name(self) -> str:
        return self.tensor.name

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    @property
    def rows(self) -> int:
        return self.tensor.rows

    @property
    def type(self) -> TensorType:
        return self.tensor.type

    @property
    def bytes(self) -> int:
        return self.tensor.bytes

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        """The chosen rows as float32. Raises Unsupported for a type that cannot be decoded here."""
        return self.file.values(self.tensor, rows)

    def stored(self, rows: slice) -> NDArray[np.uint8]:
        """The chosen rows as they are stored, still in the mapped file."""
        return self.file.raw(self.tensor)[rows]


class GgufModel:
    """An open model. Use it in a `with` block, or close it."""

    def __init__(self, files: Sequence[GgufFile], tensors: Mapping[str, GgufRows]) -> None:
        self.files = tuple(files)
        self.tensors = tensors

    @classmethod
    def open(cls, path: Path) -> GgufModel:
        """Opens the file at `path`, and with one shard all others. Raises InvalidFile, Unsupported, StoreError."""
        with ExitStack() as stack:
            files = [stack.enter_context(GgufFile.open(shard)) for shard in shard_files(path)]
            tensors: dict[str, GgufRows] = {}
            for number, file in enumerate(files):
                _check_shard(file, number, len(files))
                for tensor in file.tensors.values():
                    if tensor.name in tensors:
                        raise InvalidFile(file.path, f"the tensor {tensor.name} is in another shard too")
                    tensors[tensor.name] = GgufRows(file, tensor)
            announced = files[0].metadata.get(SPLIT_TENSORS, len(tensors))
            if len(files) > 1 and announced != len(tensors):
                raise InvalidFile(path, f"the shards hold {len(tensors)} tensors, {announced} are announced")
            stack.pop_all()
            return cls(files, tensors)

    def __enter__(self) -> GgufModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of all files."""
        for file in self.files:
            file.close()

    @property
    def path(self) -> Path:
        """The file, or the first shard."""
        return self.files[0].path

    @property
    def head(self) -> GgufFile:
        """The file that holds the metadata."""
        return self.files[0]

    @property
    def metadata(self) -> Mapping[str, MetadataValue]:
        """What is said of the model; nothing of the layout of its files."""
        return {key: value for key, value in self.head.metadata.items() if key not in _OF_THE_FILE}

    def packed_metadata(self) -> dict[str, Packed]:
        """The same, as it is stored."""
        return {key: self.head.packed(key) for key in self.metadata}


def shard_path(target: Path, number: int, count: int) -> Path:
    """Where the shard `number` (from 0) of `count` goes when the model is to be called `target`."""
    match = _SHARD.fullmatch(target.name)
    stem = match[1] if match else target.name.removesuffix(".gguf")
    return target.with_name(f"{stem}-{number + 1:05d}-of-{count:05d}.gguf")


def shard_files(path: Path) -> list[Path]:
    """All shards of the model that `path` is a part of, by its name; `path` alone where it is whole. Raises InvalidFile."""
    match = _SHARD.fullmatch(path.name)
    if match is None:
        return [path]
    count = int(match[3])
    if not 1 <= count <= MAX_SHARDS:
        raise InvalidFile(path, f"it is called one of {count} shards (at most {MAX_SHARDS})")
    return [shard_path(path, number, count) for number in range(count)]


def _check_shard(file: GgufFile, number: int, count: int) -> None:
    said = file.metadata.get(SPLIT_COUNT, 1) or 1
    if said != count or file.metadata.get(SPLIT_NO, 0) != number:
        raise InvalidFile(file.path, f"it is shard {number + 1} of {count} by its name, by its metadata it is not")
