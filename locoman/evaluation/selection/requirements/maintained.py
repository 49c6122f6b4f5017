"""Actively maintained: its makers have released something of this line lately."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject, months_between

MONTHS = 24


def maintained(subject: Subject, wishes: Wishes) -> Check:
    """By the last release that is recorded. An old one proves nothing: there may be a newer one that nobody recorded."""
    if not subject.line_released:
        return Check("maintained", "unknown", "no release of this line is recorded here")
    months = months_between(subject.line_released, wishes.today)
    last = f"{subject.line_release or subject.title} of {subject.line_released}"
    if months <= MONTHS:
        return Check("maintained", "passed", f"{last}, the last release on record, is {months} months old")
    return Check(
        "maintained", "unknown", f"{last}, the last release on record, is {months} months old: is there a newer?"
    )
