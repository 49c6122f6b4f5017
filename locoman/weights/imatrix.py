"""Reads importance matrices: how much each input column of a matrix matters, measured by llama.cpp's llama-imatrix.

The GGUF form holds for each weight NAME the sums of squared activations (NAME.in_sum2) and how many were summed
(NAME.counts), in F32; what counts is their quotient (llama.cpp: common/imatrix-loader.cpp, tools/quantize). A weight that
holds several experts has sums and a count for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf.constants import GGUFValueType
from numpy.typing import NDArray

from locoman.errors import InvalidFile, Unsupported
from locoman.weights import gguf_values
from locoman.weights.gguf import GgufFile, GgufTensor
from locoman.weights.gguf_values import GgufArray, Packed
from locoman.weights.tensor_types import F32

MAX_EXPERTS = 4096
_SUMS, _COUNTS = ".in_sum2", ".counts"
_KEYS = ("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")


@dataclass(frozen=True, slots=True)
class ImportanceMatrix:
    """The weights of the columns by tensor name (experts x columns, one expert in a plain matrix).

    `dataset` is the first text that they were measured on, in `chunks` pieces.
    """

    path: Path
    columns: Mapping[str, NDArray[np.float32]]
    dataset: str
    chunks: int

    def metadata(self) -> dict[str, Packed]:
        """What llama-quantize writes of it; of the file its name alone."""
        entries = {"quantize.imatrix.file": gguf_values.text(self.path.name)}
        if self.dataset:
            entries["quantize.imatrix.dataset"] = gguf_values.text(self.dataset)
        entries["quantize.imatrix.entries_count"] = gguf_values.u32(len(self.columns))
        if self.chunks > 0:
            entries["quantize.imatrix.chunks_count"] = gguf_values.u32(self.chunks)
        return entries

    def of(self, name: str, shape: Sequence[int]) -> NDArray[np.float32] | None:
        """The weights (experts x columns) for the tensor `name` of that shape (numpy's order), None when there are none.

        Raises InvalidFile when they are for another number of columns or experts (token_embd apart, as llama.cpp has
        it), Unsupported for a tensor of four dimensions.
        """
        weights = self.columns.get(name)
        if weights is None or (name == "token_embd.weight" and weights.size != shape[-1]):
            return None
        if len(shape) > 3:
            raise Unsupported(self.path, f"an importance matrix for {name}, which has {len(shape)} dimensions")
        experts = shape[0] if len(shape) > 2 else 1
        if weights.size != experts * shape[-1]:
            raise InvalidFile(
                self.path, f"it has {weights.size} columns for {name}, the model has {experts * shape[-1]}"
            )
        return weights.reshape(experts, shape[-1])


def read_imatrix(path: Path) -> ImportanceMatrix:
    """Reads a whole importance matrix. Raises InvalidFile, Unsupported, StoreError."""
    with GgufFile.open(path) as file:
        if missing := [key for key in _KEYS if key not in file.metadata]:
            raise InvalidFile(path, f"no importance matrix: its metadata has no {missing[0]}")
        for name in file.tensors:
            if not name.endswith((_SUMS, _COUNTS)):
                raise InvalidFile(path, f"no importance matrix: it holds the tensor {name}")
        names = sorted({name.removesuffix(_SUMS).removesuffix(_COUNTS) for name in file.tensors})
        if not names:
            raise InvalidFile(path, "an importance matrix without entries")
        columns = {name: _weights(file, name) for name in names}
        chunks = file.number("imatrix.chunk_count")
        if not isinstance(chunks, int) or not 0 <= chunks < 1 << 31:
            raise InvalidFile(path, f"measured on {chunks} chunks")
        return ImportanceMatrix(path, columns, _first_dataset(file), chunks)


def _weights(file: GgufFile, name: str) -> NDArray[np.float32]:
    sums, counts = _values(file, name + _SUMS), _values(file, name + _COUNTS)
    if not 0 < len(counts) <= MAX_EXPERTS or len(sums) % len(counts):
        raise InvalidFile(file.path, f"{name} has {len(sums)} sums and {len(counts)} counts")
    rounded = np.floor(counts.astype(np.float64) + 0.5).astype(np.float32).reshape(-1, 1)
    by_expert = sums.reshape(len(counts), -1)
    weights = np.divide(by_expert, rounded, out=np.ones_like(by_expert), where=rounded > 0)
    if not np.isfinite(weights).all() or weights.min(initial=0.0) < 0:
        raise InvalidFile(file.path, f"the weights of {name} are no finite numbers of 0 and more")
    return weights


def _values(file: GgufFile, name: str) -> NDArray[np.float32]:
    tensor: GgufTensor | None = file.tensors.get(name)
    if tensor is None or tensor.type != F32:
        raise InvalidFile(file.path, f"{name} is {'missing' if tensor is None else 'not F32'}")
    values = file.values(tensor, slice(None)).reshape(-1).copy()
    if not np.isfinite(values).all():
        raise InvalidFile(file.path, f"{name} holds values that are no finite numbers")
    return values


def _first_dataset(file: GgufFile) -> str:
    datasets = file.metadata["imatrix.datasets"]
    if not isinstance(datasets, GgufArray) or datasets.code != GGUFValueType.STRING:
        return ""
    return next((text.decode("utf-8", "replace") for text in datasets.byte_strings()), "")
