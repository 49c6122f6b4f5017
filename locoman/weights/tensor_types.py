"""The storage types of GGUF tensors: their block geometry, and the one seam through which rows are quantized.

Names, codes and block sizes are those of ggml (ggml.h, ggml-common.h), taken from the `gguf` package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from numpy.typing import NDArray

_LARGEST_F32 = float(np.finfo(np.float32).max)
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


TYPES: dict[str, TensorType] = {
    kind.name: TensorType(kind.name, int(kind), *GGML_QUANT_SIZES[kind])
    for kind in GGMLQuantizationType
    if kind in GGML_QUANT_SIZES
}
TYPES_BY_CODE: dict[int, TensorType] = {kind.code: kind for kind in TYPES.values()}
F32, F16, BF16, Q8_0 = TYPES["F32"], TYPES["F16"], TYPES["BF16"], TYPES["Q8_0"]

LARGEST: dict[str, float] = {
    "F32": _LARGEST_F32,
    "F16": _LARGEST_F16,
    "BF16": _LARGEST_F32,
    "Q8_0": 127 * _LARGEST_F16,  # the scale of a block is stored in F16
}
"""The types that can be written, and the largest magnitude each can hold."""


def quantize_rows(values: NDArray[np.float32], kind: TensorType) -> NDArray[np.uint8]:
    """`values` (rows x columns, float32) as `kind` stores them (rows x row_bytes).

    `kind` is one of LARGEST and its blocks divide the columns. Bytes are those of llama.cpp's reference converter.
    """
    contiguous = np.ascontiguousarray(values, dtype=np.float32)
    if kind.name == "F32":
        return contiguous.view(np.uint8)
    if kind.name == "F16":
        return contiguous.astype(np.float16).view(np.uint8)
    packed: NDArray[np.uint8] = quants.quantize(contiguous, GGMLQuantizationType(kind.code))
    return packed


def dequantize_rows(packed: NDArray[np.uint8], kind: TensorType) -> NDArray[np.float32]:
    """Rows stored as `kind` (rows x row_bytes) as float32 (rows x columns). Raises NotImplementedError by type."""
    with np.errstate(all="ignore"):  # forged scales may be infinite
        values: NDArray[np.float32] = quants.dequantize(np.ascontiguousarray(packed), GGMLQuantizationType(kind.code))
    return values.astype(np.float32, copy=False)
