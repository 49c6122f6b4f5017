"""Kernel ridge regression in closed form, with leave-out scores for nothing.

With G = (K + D)^-1 and A = G Y the score of a text x is k(x, .) A, and what the texts g would have scored had they not been
learned from is Y_g - (G_gg)^-1 A_g (Rifkin and Lippert, 2007, "Notes on Regularized Least Squares", for a single text;
the same block elimination gives it for several).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_SMALL = 64


@dataclass(frozen=True, slots=True)
class Ridge:
    """`weights`: A, shape (texts, classes); `left_out`: scores of the same shape, none of which has seen its own text."""

    weights: Matrix
    left_out: Matrix


def ridge(kernel: Matrix, targets: Matrix, noise: Matrix, groups: NDArray[np.int64]) -> Ridge:
    """Solves for `targets`, shape (texts, classes), with `noise`, shape (texts,), on the diagonal of D.

    Texts of one number in `groups`, shape (texts,), are left out together. The kernel is symmetric and positive semidefinite,
    of which its lower triangle is read; the noise is positive.
    """
    regular = kernel + np.diag(noise).astype(kernel.dtype)
    root = _inverse(np.asarray(np.linalg.cholesky(regular), dtype=kernel.dtype))  # G = root^T root
    weights = root.T @ (root @ targets)
    left_out = targets - weights / np.einsum("ij,ij->j", root, root)[:, None]
    for block in _shared(groups):
        part = root[:, block]
        left_out[block] = targets[block] - np.linalg.solve(part.T @ part, weights[block])
    return Ridge(weights, left_out)


def _inverse(lower: Matrix) -> Matrix:
    """Of a lower triangular matrix, half by half: nearly all of it is products of matrices."""
    size = len(lower)
    if size <= _SMALL:
        return np.asarray(np.linalg.inv(lower))
    half = size // 2
    first, second = _inverse(lower[:half, :half]), _inverse(lower[half:, half:])
    result = np.zeros_like(lower)
    result[:half, :half], result[half:, half:] = first, second
    result[half:, :half] = -second @ (lower[half:, :half] @ first)
    return result


def _shared(groups: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The texts of each group that has several."""
    order = np.argsort(groups, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return [block for block in blocks if len(block) > 1]
