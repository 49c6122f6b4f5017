"""The six dimensions along which bases are weighed, in words."""

from __future__ import annotations

from msgspec import Struct

from locoman.evaluation.selection.subject import Subject
from locoman.sizes import megabytes

UNKNOWN = "not recorded"


class Dimension(Struct, frozen=True, forbid_unknown_fields=True):
    """One dimension of one model; `known` is False where nothing is recorded."""

    name: str
    summary: str
    known: bool = True


def dimensions(subject: Subject) -> tuple[Dimension, ...]:
    """All six, always in the same order."""
    return (
        _dimension("licence", _licence(subject)),
        _dimension("tokenizer", _tokenizer(subject)),
        _dimension("instruct quality", _quality(subject)),
        _dimension("context", f"{subject.context:,} tokens" if subject.context else ""),
        _dimension("size and latency", _size(subject)),
        _dimension("community", _community(subject)),
    )


def _dimension(name: str, summary: str) -> Dimension:
    return Dimension(name, summary or UNKNOWN, bool(summary))


def _licence(subject: Subject) -> str:
    terms = subject.terms
    if terms is None:
        return f"{subject.licence}, whose terms are not recorded here" if subject.licence else ""
    if terms.permissive:
        return f"{subject.licence}: permissive, travels with every adapter"
    return f"{subject.licence}: {'; '.join(terms.strings)}"


def _tokenizer(subject: Subject) -> str:
    """The tokenizer is a contract with the training data: what it spells out in many tokens is dear and learnt badly."""
    parts = [f"{subject.vocabulary:,} tokens"] if subject.vocabulary else []
    if subject.languages_total:
        parts.append(f"{subject.languages_total} {'language' if subject.languages_total == 1 else 'languages'}")
    elif subject.languages:
        parts.append(", ".join(subject.languages))
    return ", ".join(parts)


def _quality(subject: Subject) -> str:
    shown = [f for name in ("IFEval", "base rank", "MMLU-PRO", "MMLU") if (f := subject.figure(name))]
    figures = ", ".join(f"{f.benchmark} {f.value:g}{' %' if f.unit == '%' else ''}" for f in shown[:2])
    kind = {"instruct": "instruct", "base": "bare base"}.get(subject.kind, "")
    return ": ".join(part for part in (kind, figures) if part)


def _size(subject: Subject) -> str:
    if subject.size is None or subject.memory is None:
        return ""
    about = "" if subject.size_told else "about "
    return f"{about}{megabytes(subject.size)} as {subject.quantization}, {megabytes(subject.memory)} in memory"


def _community(subject: Subject) -> str:
    parts = [f"released {subject.released}"] if subject.released else []
    if subject.line_release and subject.line_released != subject.released:
        parts.append(f"line goes on: {subject.line_release}, {subject.line_released}")
    if subject.tools:
        parts.append(f"trainers: {', '.join(subject.tools)}")
    return ", ".join(parts)
