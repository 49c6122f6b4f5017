"""The storage types of GGUF tensors: their block geometry, and the one seam through which rows are stored and read.

Names, codes and block sizes are those of ggml (ggml.h, ggml-common.h), taken from the `gguf` package. ggml's own functions
do the work where a library of it is found; else numpy does what it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from numpy.typing import NDArray

from locoman.errors import MissingPrerequisite
from locoman.weights.ggml import find_ggml

_LARGEST_F32 = float(np.finfo(np.float32).max)
_LARGEST_BF16 = float(np.array(0x7F7F0000, np.uint32).view(np.float32))
_LARGEST_F16 = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class TensorType:
    """One of ggml's types: every `block` values of a row are stored together in `block_bytes` bytes."""

    name: str
    code: int
    block: int
    block_bytes: int

    def fits(self, columns: int) -> bool:
        """Whether rows of `columns` values are whole blocks."""
        return columns % self.block == 0

    def row_bytes(self, columns: int) -> int:
        """Bytes of a row of `columns` values, which must fit."""
        return columns // self.block * self.block_bytes

    @property
    def plain(self) -> bool:
        """Whether each value is stored for itself, as a float."""
        return self.block == 1


TYPES: dict[str, TensorType] = {
    kind.name: TensorType(kind.name, int(kind), *GGML_QUANT_SIZES[kind])
    for kind in GGMLQuantizationType
    if kind in GGML_QUANT_SIZES
}
TYPES_BY_CODE: dict[int, TensorType] = {kind.code: kind for kind in TYPES.values()}
F32, F16, BF16, Q8_0 = TYPES["F32"], TYPES["F16"], TYPES["BF16"], TYPES["Q8_0"]

# Scales and minima of blocks are stored in F16, times the whole numbers that ggml-quants.c multiplies them by.
LARGEST: dict[str, float] = {
    "F32": _LARGEST_F32,
    "F16": _LARGEST_F16,
    "BF16": _LARGEST_BF16,
    "Q8_0": 127 * _LARGEST_F16,
    "Q4_0": 8 * _LARGEST_F16,
    "Q4_1": _LARGEST_F16 / 2,
    "Q5_0": 16 * _LARGEST_F16,
    "Q5_1": _LARGEST_F16 / 2,
    "Q3_K": 63 * _LARGEST_F16,
    "Q4_K": 63 * _LARGEST_F16,
    "Q5_K": 63 * _LARGEST_F16,
    "Q6_K": 63 * _LARGEST_F16,
}
"""The types that can be written, and a magnitude up to which each can hold every value."""

WITHOUT_GGML = ("F32", "F16", "BF16", "Q8_0")
"""The types that numpy can write alone."""


def require_writer(kind: TensorType) -> None:
    """Raises MissingPrerequisite when rows of this type cannot be written on this machine."""
    if kind.name not in WITHOUT_GGML and find_ggml() is None:
        raise MissingPrerequisite(
            f"Quantizing to {kind.name} needs llama.cpp's library, and none was found.",
            "pip install xllamacpp   (or llama-cpp-python, or install Ollama)",
        )


def quantize_rows(
    values: NDArray[np.float32], kind: TensorType, importance: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """`values` (rows x columns, float32) as `kind` stores them (rows x row_bytes).

    `kind` is one of LARGEST and its blocks divide the columns; `importance` (columns) weighs the columns where the type
    can make use of that. The bytes are those of llama.cpp. Raises MissingPrerequisite as `require_writer`.
    """
    contiguous = np.ascontiguousarray(values, dtype=np.float32)
    if kind.name == "F32":
        return contiguous.view(np.uint8)
    ggml = find_ggml()
    if ggml is not None:
        weights = None if importance is None else np.ascontiguousarray(importance, dtype=np.float32)
        return ggml.quantize(contiguous, kind.name, kind.code, kind.row_bytes(contiguous.shape[1]), weights)
    require_writer(kind)
    if kind.name == "F16":
        return contiguous.astype(np.float16).view(np.uint8)
    packed: NDArray[np.uint8] = quants.quantize(contiguous, GGMLQuantizationType(kind.code))
    return packed


def dequantize_rows(packed: NDArray[np.uint8], kind: TensorType) -> NDArray[np.float32]:
    """Rows stored as `kind` (rows x row_bytes) as float32 (rows x columns). Raises NotImplementedError by type."""
    contiguous = np.ascontiguousarray(packed)
    if kind.name == "F32":
        return contiguous.view(np.float32)
    if ggml := find_ggml():
        decoded = ggml.dequantize(contiguous, kind.name, contiguous.shape[1] // kind.block_bytes * kind.block)
        if decoded is not None:
            return decoded
    with np.errstate(all="ignore"):  # forged scales may be infinite
        values: NDArray[np.float32] = quants.dequantize(contiguous, GGMLQuantizationType(kind.code))
    return values.astype(np.float32, copy=False)
