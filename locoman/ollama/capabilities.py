"""What a version of Ollama can do, in one frozen value; nobody else compares its versions."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?:[-+](.{0,80}))?", re.ASCII)

_BEFORE, _AT, _AFTER = -1, 0, 1
_LAST_WITH_ADAPTERS = (0, 34, 0, _AT)
_LAST_WITH_QUANTIZE = (0, 34, 0, _AT)
_FIRST_WITH_SPLIT = (0, 35, 0, _AT)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one server can do.

    A version that does not tell (a developer's own build says 0.0.0) promises nothing: `known` is False, and so are
    all others.

    Args:
        version: as the server said it.
        known: whether the version tells anything.
        adapters_at_create: a model can be created with an ADAPTER (up to 0.34.0).
        quantize_at_create: a model can be quantized while it is created (up to 0.34.0).
        split_gguf: a split GGUF is stored shard by shard (from 0.35.0).
    """

    version: str
    known: bool
    adapters_at_create: bool
    quantize_at_create: bool
    split_gguf: bool

    @classmethod
    def of(cls, version: str) -> Capabilities:
        """Reads the text of /api/version.

        A release candidate counts as coming before its release and a build from between two releases as coming after
        the earlier one; so near a border only what both sides share is promised.
        """
        key = _key(version)
        if key is None or key[:3] == (0, 0, 0):
            return cls(version, False, False, False, False)
        return cls(version, True, key <= _LAST_WITH_ADAPTERS, key <= _LAST_WITH_QUANTIZE, key >= _FIRST_WITH_SPLIT)


def _key(version: str) -> tuple[int, int, int, int] | None:
    match = _VERSION.fullmatch(version.strip())
    if not match:
        return None
    major, minor, patch, suffix = match.groups()
    return int(major), int(minor), int(patch or 0), _phase(suffix)


def _phase(suffix: str | None) -> int:
    """`git describe` writes "-12-gabc123" after a release; everything else that follows a hyphen comes before one."""
    if not suffix:
        return _AT
    return _AFTER if re.match(r"\d+-g[0-9a-f]", suffix) else _BEFORE
