"""Sizes as people read them."""

from __future__ import annotations


def megabytes(count: int) -> str:
    """`count` bytes as people read them: "512 kB", "7.1 MB", "2.5 GB" (decimal units)."""
    if count < 1_000_000:
        return f"{max(1, round(count / 1e3)) if count else 0} kB"
    if count < 1_000_000_000:
        return f"{count / 1e6:.3g} MB"
    return f"{count / 1e9:.3g} GB"
