"""Small files of the home that become true together with the registry, although each file is replaced alone.

Before the commit they lie in the staging folder with the digest of the registry to come. Whoever finds that registry in its
place, be it the process itself or the next one after a kill, moves them to theirs; else they are swept with the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from locoman.documents import read_text
from locoman.errors import InvalidFile
from locoman.store.atomic import mapped, sync_folder, write_atomic

_PROMISE = "beside.json"
_MAX_BYTES = 1 << 16


class _Promise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    registry: str
    names: tuple[str, ...]


def promise(staging: Path, registry: bytes, files: Mapping[str, bytes]) -> None:
    """Leaves `files`, by their names in the home's folder, for when its registry reads `registry`. Raises StoreError."""
    for name, content in files.items():
        write_atomic(staging / f"beside-{name}", content, mode=0o600)
    write_atomic(staging / _PROMISE, msgspec.json.encode(_Promise(_digest(registry), tuple(files))))


def keep_promise(staging: Path, registry: Path) -> None:
    """Moves what a `promise` in `staging` left beside `registry`, if that file is the one it waits for. Raises StoreError."""
    try:
        found = msgspec.json.decode(read_text(staging / _PROMISE, _MAX_BYTES), type=_Promise)
    except (InvalidFile, msgspec.MsgspecError):
        return
    with mapped(registry):
        if not registry.is_file() or _digest(registry.read_bytes()) != found.registry:
            return
        for name in found.names:
            staged = staging / f"beside-{Path(name).name}"
            if staged.is_file():  # else an interrupted one moved it before
                staged.replace(registry.parent / Path(name).name)
        sync_folder(registry.parent)
        (staging / _PROMISE).unlink(missing_ok=True)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
