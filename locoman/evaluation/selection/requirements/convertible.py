"""There is a GGUF of it, or one can be made."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject
from locoman.weights.architectures import FAMILIES


def convertible(subject: Subject, wishes: Wishes) -> Check:
    """By the files that are known of, else by the architectures that locoman converts."""
    if subject.gguf:
        return Check("gguf", "passed", "a GGUF is at hand or can be fetched")
    if subject.architecture in FAMILIES:
        return Check("gguf", "passed", f"locoman converts {subject.architecture}")
    if subject.architecture:
        return Check("gguf", "failed", f"no GGUF is known, and locoman does not convert {subject.architecture}")
    return Check("gguf", "unknown", "its architecture is not known")
