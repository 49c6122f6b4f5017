"""Evaluations of bases as a report: who is better and why, and everything that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from locoman.evaluation.selection.evidence import BaseEvaluation, CandidateEvaluation, Practical
from locoman.evaluation.selection.merge import Merged
from locoman.reporting import plots
from locoman.reporting.report import Block, Bullets, Cell, Paragraph, Report, Section, Table, Tone
from locoman.sizes import megabytes

_SIGNS = {"passed": "yes", "failed": "NO", "unknown": "?"}
_TONES: dict[str, Tone] = {
    "passed": "good",
    "failed": "bad",
    "unknown": "doubtful",
    "done": "good",
    "skipped": "doubtful",
}


def bases_report(found: BaseEvaluation) -> Report:
    """The whole evaluation."""
    order = found.ranking.order
    lead = f"{order[0]} comes first of {len(order)}." if len(order) > 1 else f"{order[0]}, evaluated by itself."
    facts = (("Made", found.made), ("locoman", found.version), ("Machine", found.machine.label))
    sections = (Section("Ranking", tuple(_ranking(found))), *evaluation_sections(found))
    return Report(f"Bases evaluated: {', '.join(order)}", lead, facts, sections)


def evaluation_sections(found: BaseEvaluation) -> tuple[Section, ...]:
    """The five steps' results, best base first."""
    ordered = sorted(found.candidates, key=lambda each: found.ranking.order.index(each.name))
    sections = ((title, tuple(blocks(ordered))) for title, blocks in _SECTIONS)
    return tuple(Section(title, blocks) for title, blocks in sections if blocks)


def merged_report(merged: Merged) -> Report:
    """One table by base and machine."""
    rows = tuple((row.candidate.name, row.machine.label, *_figures(row.candidate)) for row in merged.rows)
    columns = (
        "base",
        "machine",
        "first token",
        "tokens/s",
        "memory",
        "per turn",
        "Ollama",
        "repeats",
        "bare",
        "trained",
    )
    blocks: tuple[Block, ...] = (Table(columns, rows, (2, 3, 4, 5, 8, 9)),)
    if merged.odd:
        blocks += (Bullets(tuple(merged.odd)),)
    machines = len({row.machine.label for row in merged.rows})
    return Report("Bases by machine", f"{len(rows)} rows from {machines} machines.", (), (Section("In use", blocks),))


def _ranking(found: BaseEvaluation) -> Iterator[Block]:
    yield Bullets(found.ranking.order, ordered=True)
    for each in found.ranking.comparisons:
        verdict = (
            f"is better, by {each.decided_by}" if each.decided_by else "is not told apart from it by anything measured"
        )
        yield Paragraph(f"{each.better} before {each.worse}: it {verdict}.")
        yield Bullets(each.evidence)


def _filter(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    rows = [
        (each.name, check.requirement, Cell(_SIGNS[check.outcome], _TONES[check.outcome]), check.reason)
        for each in candidates
        for check in each.checks
    ]
    yield Table(("base", "requirement", "met", "reason"), tuple(rows))


def _known(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    rows = [(each.name, f.benchmark, f"{f.value:g}{' %' if f.unit == '%' else ''}", f.settings, f.source, f.date)
            for each in candidates for f in each.figures]  # fmt: skip
    if rows:
        yield Table(("base", "benchmark", "value", "settings", "source", "date"), tuple(rows), (2,))


def _suites(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    found = [(each.name, s) for each in candidates if each.suites for s in each.suites.suites]
    if not found:
        return
    if plots.can_draw():
        spans = [plots.Span(s.suite, s.score, *s.ci95, name) for name, s in found]
        yield plots.intervals("Suites by the bare base", "Scores with 95 % intervals, before any training.", spans)
    rows = [
        (name, s.suite, f"{100 * s.score:.1f} %", f"{100 * s.ci95[0]:.1f} to {100 * s.ci95[1]:.1f}", str(len(s.scores)))
        for name, s in found
    ]
    yield Table(("base", "suite", "score", "95 % interval", "cases"), tuple(rows), (2, 3, 4))


def _context(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    rows = [
        (each.name, x.source, str(x.texts), str(x.p50), str(x.p95), str(x.longest), f"{each.suites.offered:,}")
        for each in candidates if each.suites for x in each.suites.lengths
    ]  # fmt: skip
    if rows:
        columns = ("base", "texts of", "texts", "p50", "p95", "longest", "context it is run with")
        yield Table(columns, tuple(rows), (2, 3, 4, 5, 6))


def _training(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    trained = [(each.name, each.training) for each in candidates if each.training]
    if not trained:
        return
    if plots.can_draw():
        lines = {name: [(point.step, point.loss) for point in t.losses] for name, t in trained}
        summary = "The loss of the training batches: the same quick adapter on each base."
        yield plots.curves("Loss while training", summary, lines, "step", "nats per learnt token")
    rows = []
    for name, t in trained:
        curve = t.validation or t.losses
        loss = f"{curve[0].loss:.3f} to {curve[-1].loss:.3f}" if curve else "-"
        ninety = "-" if t.steps_to_90 is None else str(t.steps_to_90)
        rows.append((
            name, t.task, f"{100 * t.before.score:.1f} %", f"{100 * t.after.score:.1f} %", f"{100 * t.gain:+.1f}",
            loss, f"{ninety} of {t.steps}", megabytes(t.adapter_bytes), f"{t.seconds:.0f} s",
        ))  # fmt: skip
    columns = ("base", "task", "bare", "trained", "gain", "loss", "steps to 90 %", "adapter", "time")
    yield Table(columns, tuple(rows), (2, 3, 4, 7, 8))


def _practical(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    used = [(each, each.practical) for each in candidates if each.practical]
    if not used:
        return
    if plots.can_draw():
        lines = {e.name: [(turn, size / 1e6) for turn, size in enumerate(p.conversation.memory, 1)] for e, p in used}
        summary = "Resident size of the engine's process after each turn of one long conversation."
        yield plots.curves("Memory over a conversation", summary, lines, "turn", "MB")
        speed = {each.name: found.tokens_per_second.median for each, found in used}
        yield plots.bars("Speed", "Median over the questions that were asked.", speed, "tokens per second")
    rows = [(each.name, *_figures(each)[:6], f"{p.load_ms / 1000:.1f} s", p.launcher) for each, p in used]
    columns = ("base", "first token", "tokens/s", "memory", "per turn", "Ollama", "repeats", "first answer", "run by")
    yield Table(columns, tuple(rows), (1, 2, 3, 4, 7))
    notes = tuple(f"{each.name} in Ollama: {found.ollama.reason}" for each, found in used if found.ollama.reason)
    if notes:
        yield Bullets(notes)


def _steps(candidates: Sequence[CandidateEvaluation]) -> Iterator[Block]:
    rows = [
        (each.name, s.step, Cell(s.state, _TONES.get(s.state, "bad")), f"{s.seconds:.0f} s", s.reason)
        for each in candidates
        for s in each.steps
    ]
    yield Table(("base", "step", "state", "time", "why"), tuple(rows), (3,))


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
