"""What a level of the check is."""

from __future__ import annotations

from typing import Protocol

from locoman.migration.evidence import Finding, LevelName
from locoman.migration.subject import Candidate, Subject


class Level(Protocol):
    """Compares an adapter with the base it may move to, in one respect."""

    @property
    def name(self) -> LevelName:
        """Its name."""
        ...

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """What it finds. A broken adapter is a finding; raises only what keeps it from looking (StoreError, EngineError)."""
        ...
