"""The order of a change of base: which step may follow which phase."""

from __future__ import annotations

from typing import Literal

from locoman.errors import WrongPhase
from locoman.store.migrations import Migration, Phase

Step = Literal["check", "prepare", "apply", "rollback", "retire"]

ALLOWED: dict[Step, tuple[Phase, ...]] = {
    "check": ("announced", "checked", "prepared"),
    "prepare": ("checked", "prepared"),
    "apply": ("prepared",),
    "rollback": ("announced", "checked", "prepared", "switched"),
    "retire": ("switched",),
}
NEXT: dict[Phase, str] = {
    "announced": "locoman migrate check",
    "checked": "locoman migrate prepare",
    "prepared": "locoman migrate apply",
    "switched": "locoman migrate retire",
    "rolled back": "locoman migrate announce BASE",
    "retired": "locoman migrate announce BASE",
}
"""What to type next, by the phase that was reached."""


def required(migration: Migration | None, step: Step) -> Migration:
    """The migration, if `step` may be taken now. Raises WrongPhase."""
    if migration is None or migration.phase not in ALLOWED[step]:
        phase = migration.phase if migration else ""
        raise WrongPhase(step, phase, NEXT[migration.phase] if migration else "locoman migrate announce BASE")
    return migration
