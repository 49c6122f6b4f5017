"""An instruct variant: it answers questions and stops."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject


def instruct(subject: Subject, wishes: Wishes) -> Check:
    """By what is recorded of it; `locoman base add` finds it out."""
    if subject.kind == "instruct":
        return Check("instruct", "passed", "an instruct variant")
    if subject.kind == "base":
        return Check("instruct", "failed", "a bare base, which continues texts and does not answer questions")
    return Check("instruct", "unknown", "nobody has recorded whether it is an instruct variant")
