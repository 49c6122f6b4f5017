"""Where a change of base stands, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from locoman.migration.phases import NEXT
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import load_registry
from locoman.workflows.migration import verdicts
from locoman.workflows.migration.places import journal_of
from locoman.workflows.migration.verdicts import Checked


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """A change of base, its adapters, the next command; `warnings` are what somebody should look at."""

    migration: Migration
    checked: tuple[Checked, ...]
    next: str
    warnings: tuple[str, ...] = ()


def read_status(home: Home, today: date) -> MigrationStatus | None:
    """The change that goes on, else the last one; None when there never was any. Raises InvalidFile."""
    registry = load_registry(home.registry)
    migration = registry.last_migration
    if migration is None:
        return None
    checked = verdicts.read_all(journal_of(home, migration), registry, migration)
    return MigrationStatus(migration, checked, _next(migration, today), tuple(_warnings(home, migration, today)))


def _next(migration: Migration, today: date) -> str:
    if migration.phase == "prepared" and today.isoformat() < migration.effective:
        return f"{NEXT['prepared']}   (from {migration.effective})"
    if migration.phase == "switched" and today.isoformat() < migration.support_ends:
        return f"{NEXT['switched']}   (from {migration.support_ends}), or locoman migrate rollback"
    return NEXT[migration.phase]


def _warnings(home: Home, migration: Migration, today: date) -> list[str]:
    """A clock that jumps makes the calendar's rules worthless, so it is said."""
    entries = journal_of(home, migration).entries()
    latest = max((entry.at[:10] for entry in entries), default="")
    if latest > today.isoformat():
        return [f"The clock of this machine says {today}, and something was done on {latest}: one of the two is wrong."]
    return []
