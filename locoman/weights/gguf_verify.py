"""Looks through a whole GGUF file for weights that cannot be numbers, as llama.cpp's --check-tensors does.

Floats are looked at one by one; of quantized blocks the scales, which are float16 at fixed places of each block (ggml's
ggml-common.h). What only a digest can show (a changed but possible weight) stays unseen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile
from locoman.progress import Progress, no_progress
from locoman.weights.gguf import GgufFile, GgufTensor
from locoman.weights.tensor_types import TensorType

_PIECE_BYTES = 16 << 20
_SCALES: dict[str, tuple[int, ...]] = {
    "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,),
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
    "IQ4_NL": (0,), "IQ4_XS": (0,),
}  # fmt: skip
"""Where in a block its float16 scales stand, in bytes."""


def verify_gguf(path: Path, progress: Progress = no_progress) -> None:
    """Reads every byte of the file. Progress counts bytes. Raises InvalidFile, Unsupported, StoreError."""
    with GgufFile.open(path) as file:
        total = sum(tensor.bytes for tensor in file.tensors.values())
        done = 0
        for tensor in file.tensors.values():
            data = file.raw(tensor).reshape(-1)
            step = _PIECE_BYTES // tensor.type.block_bytes * tensor.type.block_bytes
            for start in range(0, len(data), step):
                _check_piece(data[start : start + step], tensor, path)
                done += min(step, len(data) - start)
                progress(done, total, "bytes")


def _check_piece(piece: NDArray[np.uint8], tensor: GgufTensor, path: Path) -> None:
    for numbers in _numbers(piece, tensor.type):
        if not np.isfinite(numbers).all():
            raise InvalidFile(path, f"the tensor {tensor.name} holds weights that are no finite numbers")


def _numbers(piece: NDArray[np.uint8], kind: TensorType) -> list[NDArray[np.floating]]:
    """The floats that stand in the bytes of whole blocks."""
    if kind.name == "BF16":
        return [(piece.view("<u2").astype(np.uint32) << 16).view(np.float32)]
    if kind.name in ("F16", "F32", "F64"):
        return [piece.view(f"<f{kind.block_bytes}")]
    blocks = piece.reshape(-1, kind.block_bytes)
    return [np.ascontiguousarray(blocks[:, place : place + 2]).view("<f2") for place in _SCALES.get(kind.name, ())]
