"""Where a change of base keeps its journal and its documents."""

from __future__ import annotations

from pathlib import Path

from locoman.migration.journal import Journal
from locoman.store.home import Home
from locoman.store.migrations import Migration


def folder_of(home: Home, migration: Migration) -> Path:
    """The folder of one change."""
    return home.migrations / migration.id


def journal_of(home: Home, migration: Migration) -> Journal:
    """What was done in it."""
    return Journal(folder_of(home, migration) / "journal.jsonl")


def documents_of(home: Home, migration: Migration) -> Path:
    """What people read: Modelfiles, specs, templates and the guide that are made for the new base."""
    return folder_of(home, migration) / "documents"
