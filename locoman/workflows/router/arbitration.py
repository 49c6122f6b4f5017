"""Whether the base model may arbitrate: only where it was measured to help on this very base."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from locoman.contracts import Engine
from locoman.documents import read_text
from locoman.errors import InvalidFile
from locoman.routing.stages.arbiter import Arbiter
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.store.registry import InstalledBase

MAX_BYTES = 1 << 20


class Measured(msgspec.Struct, frozen=True):
    """Of `asked` close questions the router was right about `before` alone and about `after` with the base's help."""

    asked: int
    before: int
    after: int
    helps: bool


def read_measured(home: Home) -> dict[str, Measured]:
    """By the sha256 of the base's file; {} where nothing was measured, or the file cannot be read."""
    try:
        return msgspec.json.decode(read_text(home.arbiters, MAX_BYTES), type=dict[str, Measured])
    except (InvalidFile, msgspec.MsgspecError):
        return {}


def write_measured(home: Home, base: InstalledBase, measured: Measured) -> None:
    """Keeps it beside that of other bases. Raises StoreError."""
    write_atomic(home.arbiters, msgspec.json.encode(read_measured(home) | {base.sha256: measured}))


def arbiter_of(home: Home, base: InstalledBase, engine: Callable[[], Engine]) -> Arbiter | None:
    """The arbiter of a base that was measured to help; None for all others."""
    measured = read_measured(home).get(base.sha256)
    if measured is None or not measured.helps:
        return None
    return Arbiter(engine(), descriptions(home, base))


def descriptions(home: Home, base: InstalledBase) -> dict[str, str]:
    """What each active adapter says of itself. Raises InvalidFile."""
    from locoman.store.registry import load_registry
    from locoman.workflows.collection import answering_packages

    packages = answering_packages(home, load_registry(home.registry), base)
    return {package.manifest.name: package.manifest.description for package in packages}
