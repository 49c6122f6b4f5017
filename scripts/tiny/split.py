"""Which operands are kept for evaluation. Decided by a hash, so it does not depend on any random state."""

from __future__ import annotations

import hashlib


def held_out(task: str, operands: str, share: float) -> bool:
    """True when these operands belong to the evaluation set alone. `share` is the share of all operands kept so."""
    digest = hashlib.sha256(f"{task}|{operands}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < share * 2**32
