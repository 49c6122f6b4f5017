"""Intervals for shares of cases."""

from __future__ import annotations

import math

Z95 = 1.959963984540054


def wilson(right: float, cases: int) -> tuple[float, float]:
    """The 95 % score interval for a share `right` / `cases` (Wilson, 1927); (0, 1) with no cases."""
    if cases <= 0:
        return 0.0, 1.0
    share = right / cases
    spread = Z95 * math.sqrt(share * (1 - share) / cases + Z95**2 / (4 * cases**2))
    middle = share + Z95**2 / (2 * cases)
    scale = 1 + Z95**2 / cases
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
