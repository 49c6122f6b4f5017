"""Its context holds what people bring."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject


def context(subject: Subject, wishes: Wishes) -> Check | None:
    """By the longest context that its makers trained it for, against what the texts at hand need."""
    if wishes.context is None:
        return None
    if subject.context is None:
        return Check("context", "unknown", "its longest context is not recorded here")
    enough = subject.context >= wishes.context
    return Check(
        "context",
        "passed" if enough else "failed",
        f"up to {subject.context:,} tokens, and {wishes.context:,} are needed",
    )
