"""How models, checks and figures are written, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import to_builtins

from locoman.evaluation.selection.check import Check
from locoman.evaluation.selection.dimensions import dimensions
from locoman.evaluation.selection.pick import TUNED, Judged
from locoman.evaluation.selection.requirements import HARD
from locoman.evaluation.selection.subject import Subject
from locoman.sizes import megabytes

COLUMNS = ("BASE", "PARAMETERS", "SIZE", "MEMORY", "CONTEXT", "LICENCE", "TUNED", "REQUIREMENTS")
_SIGNS = {"passed": "ok", "failed": "NO", "unknown": "?"}


def row(judged: Judged) -> tuple[str, ...]:
    """A line of the table."""
    subject = judged.subject
    tuned = subject.figure(TUNED)
    return (
        subject.name,
        parameters(subject),
        _bytes(subject.size, subject.size_told),
        _bytes(subject.memory, subject.memory_bytes is not None),
        f"{subject.context:,}" if subject.context else "?",
        subject.licence or "?",
        f"{tuned.value:g}" if tuned else "?",
        summary(judged.checks),
    )


def summary(checks: Sequence[Check]) -> str:
    """ "all met", or what is not."""
    failed = [check.requirement for check in checks if check.outcome == "failed"]
    unknown = [check.requirement for check in checks if check.outcome == "unknown"]
    parts = [f"fails {', '.join(failed)}"] if failed else []
    parts += [f"unknown: {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts) or "all met"


def parameters(subject: Subject) -> str:
    """As people say it: 4 B, 135 M."""
    if subject.parameters is None:
        return "?"
    billions = subject.parameters / 1e9
    return f"{billions:.3g} B" if billions >= 1 else f"{subject.parameters / 1e6:.3g} M"


def page(judged: Judged) -> Iterator[str]:
    """All that is known of a model."""
    subject = judged.subject
    yield f"{subject.name}: {subject.title}{f' ({subject.status})' if subject.status else ' (no spec on this machine)'}"
    yield ""
    yield from check_lines(judged.checks)
    yield ""
    yield from (f"  {each.name:<17} {each.summary}" for each in dimensions(subject))
    if subject.figures:
        yield ""
        for f in subject.figures:
            value = f"rank {f.value:g}" if f.unit == "rank" else f"{f.value:g} %"
            settings = f"{f.settings}; " if f.settings else ""
            yield f"  {f.benchmark}: {value}  ({settings}{f.source}, {f.date})"
    yield f"  Facts: {subject.facts}"
    yield ""


def check_lines(checks: Sequence[Check]) -> Iterator[str]:
    """A line for each requirement."""
    return (f"  {_SIGNS[check.outcome]:<2} {check.requirement:<11} {check.reason}" for check in checks)


def document(judged: Judged) -> dict[str, Any]:
    """As JSON. Figures that are not known are null."""
    subject = judged.subject
    return {
        "name": subject.name,
        "title": subject.title,
        "status": subject.status or None,
        "tier": subject.tier or None,
        "parameters": subject.parameters,
        "quantization": subject.quantization or None,
        "bytes": subject.size,
        "bytes_told": subject.size_told,
        "memory_bytes": subject.memory,
        "context": subject.context,
        "licence": subject.licence or None,
        "repository": subject.repository or None,
        "requirements_met": not judged.failed,
        "requirements": [to_builtins(c) | {"hard": c.requirement in HARD} for c in judged.checks],
        "dimensions": [to_builtins(each) for each in dimensions(subject)],
        "preferences": list(judged.preferences),
        "figures": [to_builtins(figure) for figure in subject.figures],
        "facts": subject.facts,
    }


def _bytes(count: int | None, told: bool) -> str:
    return "?" if count is None else megabytes(count) if told else f"~{megabytes(count)}"
