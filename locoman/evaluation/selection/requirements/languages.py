"""It speaks the languages that are needed."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject


def languages(subject: Subject, wishes: Wishes) -> Check | None:
    """By the languages that its makers name; one that is not named counts against it only where all are named."""
    if not wishes.languages:
        return None
    missing = [code for code in wishes.languages if code not in subject.languages]
    if not missing:
        return Check("languages", "passed", f"its makers name {', '.join(wishes.languages)}")
    if not subject.languages:
        return Check("languages", "unknown", "its languages are not recorded here")
    if subject.languages_total is None or subject.languages_total > len(subject.languages):
        total = f" of {subject.languages_total}" if subject.languages_total else ""
        return Check(
            "languages",
            "unknown",
            f"{', '.join(missing)} is not among the {len(subject.languages)}{total} recorded here",
        )
    return Check("languages", "failed", f"its makers name {', '.join(subject.languages)}, not {', '.join(missing)}")
