"""It fits the machine beside everything else that runs there."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject
from locoman.sizes import megabytes

USABLE_SHARE = 0.6
"""Of a machine's memory: the system, a browser and an editor take the rest (some 3 GB of 8)."""


def memory(subject: Subject, wishes: Wishes) -> Check | None:
    """By what it takes while it answers, with its context."""
    if wishes.memory is None:
        return None
    if subject.memory is None:
        return Check("memory", "unknown", "its size is not known")
    need = f"{'' if subject.memory_bytes else 'about '}{megabytes(subject.memory)} while it answers"
    usable = f"{megabytes(round(wishes.memory * USABLE_SHARE))} to spare on a machine with {megabytes(wishes.memory)}"
    fits = subject.memory <= wishes.memory * USABLE_SHARE
    return Check("memory", "passed" if fits else "failed", f"{need}, {usable}")
