"""Says once that an adapter answers from the base before, since the base in use has no version of it."""

from __future__ import annotations

from locoman.contracts import Served
from locoman.errors import LocomanError
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.store.registry import load_registry

_MAX_BYTES = 1 << 16


def told_now(home: Home, served: Served) -> str:
    """The sentence, the first time that it is true of this adapter; "" after that, and where it is not true.

    Raises InvalidFile.
    """
    if served.adapter is None or not home.migrations.is_dir():
        return ""  # every question comes here: no registry is read where no base was ever changed
    registry = load_registry(home.registry)
    migration = registry.migration
    if (
        migration is None
        or migration.phase != "switched"
        or served.base != migration.old
        or registry.base == served.base
    ):
        return ""
    path = home.migrations / migration.id / "told"
    try:
        told = path.read_text(encoding="utf-8").split() if path.exists() and path.stat().st_size < _MAX_BYTES else []
    except (OSError, UnicodeDecodeError):
        told = []
    if served.adapter in told:
        return ""
    try:
        write_atomic(path, "\n".join([*told, served.adapter, ""]).encode())
    except LocomanError:
        return ""  # a home that cannot be written is not told the same thing again and again
    return (
        f"{served.adapter} has no version for {migration.new} yet: it answers from {migration.old}, "
        f"which is kept until {migration.support_ends}."
    )
