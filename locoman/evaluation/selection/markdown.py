"""Evaluations of bases as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from locoman.errors import megabytes
from locoman.evaluation.selection.evidence import BaseEvaluation, CandidateEvaluation, Practical
from locoman.evaluation.selection.merge import Merged

_SIGNS = {"passed": "yes", "failed": "NO", "unknown": "?"}


def evaluation_page(found: BaseEvaluation) -> str:
    """The whole evaluation."""
    return "\n".join(_evaluation(found)) + "\n"


def merged_page(merged: Merged) -> str:
    """One table by base and machine."""
    lines = ["# Bases by machine", "", *machine_table(merged)]
    lines += ["", *(f"- {each}" for each in merged.odd)] if merged.odd else []
    return "\n".join(lines) + "\n"


def machine_table(merged: Merged) -> list[str]:
    """The rows of `merged`."""
    head = ("base", "machine", "first token", "tokens/s", "memory", "per turn", "Ollama", "repeats", "bare", "trained")
    return table(head, [(row.candidate.name, row.machine.label, *_figures(row.candidate)) for row in merged.rows])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; a bar in a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines]


def _evaluation(found: BaseEvaluation) -> Iterator[str]:
    yield f"# Bases evaluated: {', '.join(found.ranking.order)}"
    yield ""
    yield f"{found.made}, locoman {found.version}, on {found.machine.label}."
    yield ""
    yield "## Ranking"
    yield ""
    yield from (f"{place}. {name}" for place, name in enumerate(found.ranking.order, start=1))
    for each in found.ranking.comparisons:
        yield ""
        verdict = (
            f"is better, by {each.decided_by}" if each.decided_by else "is not told apart from it by anything measured"
        )
        yield f"**{each.better}** before {each.worse}: it {verdict}."
        yield ""
        yield from (f"- {sentence}" for sentence in each.evidence)
    ordered = sorted(found.candidates, key=lambda each: found.ranking.order.index(each.name))
    for title, section in _SECTIONS:
        lines = section(ordered)
        if lines:
            yield ""
            yield f"## {title}"
            yield ""
            yield from lines


def _filter(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = [
        (each.name, check.requirement, _SIGNS[check.outcome], check.reason)
        for each in candidates
        for check in each.checks
    ]
    return table(("base", "requirement", "met", "reason"), rows) if rows else []


def _known(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = [(each.name, f.benchmark, f"{f.value:g}{' %' if f.unit == '%' else ''}", f.settings, f.source, f.date)
            for each in candidates for f in each.figures]  # fmt: skip
    return table(("base", "benchmark", "value", "settings", "source", "date"), rows) if rows else []


def _suites(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = [
        (each.name, s.suite, f"{100 * s.score:.1f} %", f"{100 * s.ci95[0]:.1f} to {100 * s.ci95[1]:.1f}", str(len(s.scores)))
        for each in candidates if each.suites for s in each.suites.suites
    ]  # fmt: skip
    return table(("base", "suite", "score", "95 % interval", "cases"), rows) if rows else []


def _context(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = [
        (each.name, x.source, str(x.texts), str(x.p50), str(x.p95), str(x.longest), f"{each.suites.offered:,}")
        for each in candidates if each.suites for x in each.suites.lengths
    ]  # fmt: skip
    return table(("base", "texts of", "texts", "p50", "p95", "longest", "context it is run with"), rows) if rows else []


def _training(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = []
    for each in candidates:
        if t := each.training:
            curve = t.validation or t.losses
            loss = f"{curve[0].loss:.3f} to {curve[-1].loss:.3f}" if curve else "-"
            ninety = "-" if t.steps_to_90 is None else str(t.steps_to_90)
            rows.append((
                each.name, t.task, f"{100 * t.before.score:.1f} %", f"{100 * t.after.score:.1f} %", f"{100 * t.gain:+.1f}",
                loss, f"{ninety} of {t.steps}", megabytes(t.adapter_bytes), f"{t.seconds:.0f} s",
            ))  # fmt: skip
    head = ("base", "task", "bare", "trained", "gain", "loss", "steps to 90 %", "adapter", "time")
    return table(head, rows) if rows else []


def _practical(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = [(each.name, *_figures(each)[:6], f"{each.practical.load_ms / 1000:.1f} s", each.practical.launcher)
            for each in candidates if each.practical]  # fmt: skip
    head = ("base", "first token", "tokens/s", "memory", "per turn", "Ollama", "repeats", "first answer", "run by")
    notes = [f"- {each.name} in Ollama: {each.practical.ollama.reason}" for each in candidates
             if each.practical and each.practical.ollama.reason]  # fmt: skip
    return [*table(head, rows), *([""] if notes else []), *notes] if rows else []


def _steps(candidates: Sequence[CandidateEvaluation]) -> list[str]:
    rows = [(c.name, s.step, s.state, f"{s.seconds:.0f} s", s.reason) for c in candidates for s in c.steps]
    return table(("base", "step", "state", "time", "why"), rows)


def _figures(each: CandidateEvaluation) -> tuple[str, ...]:
    """First token, tokens/s, memory, per turn, Ollama, repeats, bare, trained."""
    bare = f"{100 * each.suites.mean:.1f} %" if each.suites and each.suites.suites else "-"
    trained = f"{100 * each.training.after.score:.1f} %" if each.training else "-"
    return (*(_use(each.practical) if each.practical else ("-",) * 6), bare, trained)


def _use(found: Practical) -> tuple[str, ...]:
    ollama = "not tried" if found.ollama.works is None else "yes" if found.ollama.works else "NO"
    slope = found.conversation.slope
    per_turn = f"{'-' if slope < 0 else '+'}{megabytes(abs(round(slope)))}"
    repeats = (
        "equal" if not found.repeat.differing else f"{len(found.repeat.differing)} of {found.repeat.questions} differ"
    )
    return (
        f"{found.ttft_ms.median:.0f} ms", f"{found.tokens_per_second.median:.1f}", megabytes(found.conversation.peak),
        per_turn, ollama, repeats,
    )  # fmt: skip


_SECTIONS = (
    ("What a base must have", _filter),
    ("What others measured", _known),
    ("Suites by the bare base", _suites),
    ("How long the texts are", _context),
    ("The same quick adapter", _training),
    ("In use", _practical),
    ("Steps", _steps),
)
