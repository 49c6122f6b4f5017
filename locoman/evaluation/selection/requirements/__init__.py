"""What a base must have: one requirement per file, and the two lists of them."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Requirement, Wishes
from locoman.evaluation.selection.requirements.context import context
from locoman.evaluation.selection.requirements.convertible import convertible
from locoman.evaluation.selection.requirements.instruct import instruct
from locoman.evaluation.selection.requirements.languages import languages
from locoman.evaluation.selection.requirements.licence import licence
from locoman.evaluation.selection.requirements.maintained import maintained
from locoman.evaluation.selection.requirements.memory import memory
from locoman.evaluation.selection.requirements.size import size
from locoman.evaluation.selection.subject import Subject

HARD: dict[str, Requirement] = {
    "size": size,
    "instruct": instruct,
    "gguf": convertible,
    "licence": licence,
    "maintained": maintained,
}
"""What every standard base must have."""

WISHED: dict[str, Requirement] = {"memory": memory, "languages": languages, "context": context}
"""What is asked only by whoever wishes for it."""


def check_all(subject: Subject, wishes: Wishes) -> tuple[Check, ...]:
    """Every requirement that applies, in a fixed order."""
    checks = (requirement(subject, wishes) for requirement in (*HARD.values(), *WISHED.values()))
    return tuple(check for check in checks if check is not None)
