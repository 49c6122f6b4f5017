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


@dataclass(frozen=True, slots=True)
class Ridge:
    """`weights`: A, shape (texts, classes); `left_out`: scores of the same shape, none of which has seen its own text."""

    weights: Matrix
    left_out: Matrix


def ridge(kernel: Matrix, targets: Matrix, noise: Matrix, groups: NDArray[np.int64]) -> Ridge:
    """Solves for `targets`, shape (texts, classes), with `noise`, shape (texts,), on the diagonal of D.

    Texts of one number in `groups`, shape (texts,), are left out together.
    """
    regular = kernel + np.diag(noise).astype(kernel.dtype)
    inverse = np.linalg.inv(regular)
    weights = inverse @ targets
    left_out = targets - weights / np.diag(inverse)[:, None]
    order = np.argsort(groups, kind="stable")
    for block in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(block) > 1:
            left_out[block] = targets[block] - np.linalg.solve(inverse[np.ix_(block, block)], weights[block])
    return Ridge(weights, left_out)
