"""Evaluations as a report: scores with intervals, adapters against their base, speed, the router, the cases that went worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from locoman.evaluation.journal import RunHeader, StoredRun
from locoman.evaluation.results import CaseResult
from locoman.evaluation.statistics import Interval, mcnemar, mean_interval, paired_bootstrap
from locoman.reporting import plots
from locoman.reporting.report import Block, Cell, Exchange, Paragraph, Report, Section, Table, Tone

WORST = 5
"""Cases shown of each run that failed."""
NO_PLOTS = 'This report has no drawings: they need matplotlib (pip install "locoman[report]").'

Confusion = Mapping[tuple[str | None, str | None], int]
"""Questions by (whose it is, who got it); None is nobody, the base."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """An adapter's run and its base's, on the same cases."""

    adapter: StoredRun
    base: StoredRun

    @property
    def gain(self) -> Interval:
        """What the adapter adds, case by case."""
        return paired_bootstrap(*self._scores)

    @property
    def p(self) -> float:
        """McNemar's, exact."""
        return mcnemar(*self._scores)

    @property
    def _scores(self) -> tuple[list[float], list[float]]:
        theirs = {result.case: result.value for result in self.base.results}
        both = [(result.value, theirs[result.case]) for result in self.adapter.results if result.case in theirs]
        return [own for own, _ in both], [other for _, other in both]


def evaluation_report(runs: Sequence[StoredRun], confusion: Confusion | None = None) -> Report:
    """The report of these runs (at least one); `confusion` is what the router did with questions that were left out."""
    draw = plots.can_draw()
    pairings = tuple(_pairings(runs))
    sections = [Section("Scores", tuple(_scores(runs, draw)))]
    if pairings:
        sections.append(Section("Adapters against their base", tuple(_gains(pairings, draw))))
    sections.append(Section("Speed", tuple(_speed(runs, draw))))
    if confusion:
        sections.append(Section("Router", tuple(_router(confusion, draw))))
    sections.append(Section("Cases that went worst", tuple(_worst(runs))))
    return Report("Evaluation", _lead(runs, pairings), tuple(_facts(runs)), tuple(sections))


def who(header: RunHeader) -> str:
    """Who was asked, as tables name it."""
    return header.adapter or f"{header.base} alone"


def _pairings(runs: Sequence[StoredRun]) -> Iterator[Pairing]:
    plain = {(run.header.suite_digest, run.header.base): run for run in runs if not run.header.adapter}
    for run in runs:
        other = plain.get((run.header.suite_digest, run.header.base))
        if run.header.adapter and other is not None and run.results and other.results:
            yield Pairing(run, other)


def _lead(runs: Sequence[StoredRun], pairings: Sequence[Pairing]) -> str:
    suites = len({run.header.suite_digest for run in runs})
    cases = sum(len(run.results) for run in runs)
    text = f"{len(runs)} runs over {suites} suites, {cases} answers."
    better = sum(pairing.gain.low > 0 for pairing in pairings)
    return f"{text} {better} of {len(pairings)} adapters do better than their base." if pairings else text


def _facts(runs: Sequence[StoredRun]) -> Iterator[tuple[str, str]]:
    yield "Bases", ", ".join(sorted({run.header.base for run in runs}))
    yield "Asked", f"{min(run.header.started for run in runs)[:10]} to {max(run.header.started for run in runs)[:10]}"
    yield "locoman", ", ".join(sorted({run.header.versions.get("locoman", "?") for run in runs}))
    machine = runs[-1].header.machine
    if machine:
        memory = int(machine.get("memory_bytes", 0)) / 1e9
        yield (
            "Machine",
            f"{machine.get('system')} on {machine.get('machine')}, {machine.get('cores')} cores, {memory:.0f} GB",
        )


def _scores(runs: Sequence[StoredRun], draw: bool) -> Iterator[Block]:
    spans = []
    rows: list[tuple[str | Cell, ...]] = []
    for run in runs:
        interval = mean_interval([result.value for result in run.results])
        spans.append(plots.Span(run.header.suite, interval.value, interval.low, interval.high, who(run.header)))
        whole = f"{len(run.results)}" if run.summary is not None else f"{len(run.results)} of {run.header.total}"
        rows.append((run.header.suite, who(run.header), _share(interval.value), _between(interval), whole))
    if draw:
        groups = {span.group for span in spans}
        plain = len(groups) > 4  # one colour each for many would tell nothing
        named = [plots.Span(s.label, s.value, s.low, s.high, _side(s.group) if plain else s.group) for s in spans]
        yield plots.intervals(
            "Scores with 95 % intervals", "Each dot is a run's score; the table has the figures.", named
        )
    else:
        yield Paragraph(NO_PLOTS)
    yield Table(("suite", "asked of", "score", "95 % interval", "cases"), tuple(rows), (2, 3, 4))


def _side(group: str) -> str:
    return "base alone" if group.endswith(" alone") else "adapter"


def _gains(pairings: Sequence[Pairing], draw: bool) -> Iterator[Block]:
    gains = [(pairing.adapter.header, pairing.gain, pairing.p) for pairing in pairings]
    if draw:
        spans = [plots.Span(f"{who(h)} on {h.suite}", gain.value, gain.low, gain.high) for h, gain, _ in gains]
        summary = "Right of zero the adapter is better than its base, case by case."
        yield plots.intervals("Gain over the base", summary, spans, "gain, share of cases", zero=True)
    rows = [
        (
            who(header),
            header.suite,
            Cell(_points(gain.value), _tone(gain)),
            f"{_points(gain.low)} to {_points(gain.high)}",
            f"{p:.2g}",
        )
        for header, gain, p in gains
    ]
    yield Table(("adapter", "suite", "gain", "95 % interval", "p"), tuple(rows), (2, 3, 4))


def _tone(gain: Interval) -> Tone:
    return "good" if gain.low > 0 else "bad" if gain.high < 0 else "doubtful"


def _speed(runs: Sequence[StoredRun], draw: bool) -> Iterator[Block]:
    finished = [(run, run.summary) for run in runs if run.summary is not None]
    if not finished:
        yield Paragraph("No run is finished.")
        return
    if draw:
        values = {f"{run.header.suite} · {who(run.header)}": s.metrics.get("ttft_ms", 0.0) for run, s in finished}
        yield plots.bars("Time to the first token", "Mean over the cases of each run.", values, "milliseconds")
        memory = {
            f"{run.header.suite} · {who(run.header)}": s.memory_bytes / 1e6 for run, s in finished if s.memory_bytes
        }
        if memory:
            yield plots.bars("Memory", "Resident size of the engine's process at the end of each run.", memory, "MB")
    rows = [
        (
            run.header.suite,
            who(run.header),
            f"{summary.metrics.get('ttft_ms', 0.0):.0f} ms",
            f"{summary.metrics.get('tokens_per_second', 0.0):.1f}",
            f"{summary.metrics.get('completion_tokens', 0.0):.1f}",
            f"{summary.seconds:.1f} s",
        )
        for run, summary in finished
    ]
    yield Table(("suite", "asked of", "first token", "tokens/s", "tokens/answer", "in all"), tuple(rows), (2, 3, 4, 5))


def _router(confusion: Confusion, draw: bool) -> Iterator[Block]:
    names = sorted({name for pair in confusion for name in pair if name is not None})
    order: list[str | None] = [*names, None]
    labels = [*names, "the base"]
    counts = [[confusion.get((own, got), 0) for got in order] for own in order]
    right = sum(counts[place][place] for place in range(len(order)))
    total = max(1, sum(map(sum, counts)))
    yield Paragraph(
        f"Of {total} example questions, each judged as if it had not been learned from, {_share(right / total)} went right."
    )
    if draw:
        summary = "Rows are whose the question is, columns where the router sent it."
        yield plots.matrix("Where questions went", summary, labels, labels, counts)
    else:
        rows = [(label, *[str(count) for count in row]) for label, row in zip(labels, counts, strict=True)]
        yield Table(("belongs to", *labels), tuple(rows), tuple(range(1, len(labels) + 1)))


def _worst(runs: Sequence[StoredRun]) -> Iterator[Block]:
    for run in runs:
        failed = sorted((r for r in run.results if r.value < 1.0), key=lambda r: (r.value, r.case))
        if failed:
            yield Paragraph(
                f"{run.header.suite}, asked of {who(run.header)}: {len(failed)} of {len(run.results)} fell short."
            )
            yield from (_exchange(result) for result in failed[:WORST])
    if all(result.value >= 1.0 for run in runs for result in run.results):
        yield Paragraph("Every answer was right.")


def _exchange(result: CaseResult) -> Exchange:
    return Exchange(result.question, " | ".join(result.expected), result.answer, result.note)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _between(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
