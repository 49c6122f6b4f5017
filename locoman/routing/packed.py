"""Many vectors in a quarter of the memory: whole numbers from -127 to 127 and a scale for each vector.

A product with a vector of length 1 is off by about 0.0005, far below what tells two examples apart. Products take the
vectors in blocks that stay in the cache while they are float32, which costs no more time than float32 throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locoman.routing.features import Floats

_BLOCK = 256  # vectors
LARGEST_NUMBER = 127


@dataclass(frozen=True, slots=True)
class Packed:
    """`numbers`: shape (n, width); `scales`: shape (n,), by which those of each vector are multiplied. Raises ValueError when
    the two do not fit together."""

    numbers: NDArray[np.int8]
    scales: Floats

    def __post_init__(self) -> None:
        if self.numbers.ndim != 2 or self.scales.shape != self.numbers.shape[:1]:
            raise ValueError("vectors without their scales")

    @classmethod
    def of(cls, vectors: Floats) -> Packed:
        """The nearest to these vectors, shape (n, width)."""
        scales = np.maximum(np.abs(vectors).max(axis=1), np.finfo(np.float32).tiny) / np.float32(LARGEST_NUMBER)
        return cls(np.rint(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32))

    def unpacked(self) -> Floats:
        """All vectors, shape (n, width)."""
        return np.asarray(self.numbers * self.scales[:, None], dtype=np.float32)

    def products(self, vector: Floats) -> Floats:
        """The product of each with this one, shape (n,)."""
        result = np.empty(len(self.numbers), dtype=np.float32)
        for start in range(0, len(result), _BLOCK):
            block = self.numbers[start : start + _BLOCK].astype(np.float32)
            np.dot(block, vector, out=result[start : start + _BLOCK])
        result *= self.scales
        return result
