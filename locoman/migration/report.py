"""What people read of a change of base: why, what was found, what becomes of each adapter, what is to be done, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from locoman.evaluation.statistics import wilson
from locoman.migration.evidence import AdapterVerdict
from locoman.reporting import plots
from locoman.reporting.report import Block, Bullets, Cell, Code, Paragraph, Report, Section, Table, Tone
from locoman.store.migrations import Migration

STEPS = (
    ("Monitor", "Candidates are looked at as they appear: locoman base compare."),
    ("Evaluate", "Promising ones go through the five steps: locoman base evaluate."),
    ("Announce", "The change is made public one semester ahead: locoman migrate announce."),
    ("Check", "Every adapter is tried on the new base: locoman migrate check."),
    ("Prepare", "What fits is carried over, what does not is trained again: locoman migrate prepare."),
    ("Switch", "With the semester the new base takes over, the old one stays as fallback: locoman migrate apply."),
    ("Retire", "After one semester the old base goes: locoman migrate retire."),
)
"""The seven steps of a change of base."""

_DONE = {"announced": 3, "checked": 4, "prepared": 5, "switched": 6, "retired": 7, "rolled back": 3}
_TONES: Mapping[str, Tone] = {
    "compatible": "good", "ready": "good", "recheck": "doubtful", "obsolete": "doubtful", "retrain": "bad",
    "incompatible": "bad", "unchecked": "doubtful",
}  # fmt: skip
_ASKED = ("adapter on old", "adapter on new", "new alone")
_MEANING = {
    "moves": "answers on the new base",
    "stays": "answers from the old base until it is trained again or retired",
    "goes": "is not needed: the new base does as well by itself",
}


@dataclass(frozen=True, slots=True)
class AdapterRow:
    """An adapter in the report: its verdict ("ready" and "unchecked" where there is none), its fate, what to type next."""

    name: str
    word: str
    fate: str
    verdict: AdapterVerdict | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """A base as the conversion guide compares it: (what, how it is)."""

    name: str
    facts: tuple[tuple[str, str], ...]


def migration_report(
    migration: Migration,
    rows: Sequence[AdapterRow],
    old: BaseFacts,
    new: BaseFacts,
    evaluation: Sequence[Section] = (),
) -> Report:
    """The report; `evaluation` are the sections of the candidate's own evaluation, where there was one."""
    counts = {word: sum(row.word == word for row in rows) for word in dict.fromkeys(row.word for row in rows)}
    told = ", ".join(f"{count} {word}" for word, count in counts.items()) or "no adapter was checked yet"
    return Report(
        title=f"From {migration.old} to {migration.new}",
        lead=f"The base of {migration.academic_year} changes to {migration.new}: {told}.",
        facts=(("State", migration.phase), *_calendar(migration)),
        sections=(
            Section("Announcement", tuple(_announcement(migration, rows))),
            Section("The seven steps", (_steps(migration, evaluated=bool(evaluation)),)),
            *(evaluation or (Section("Evaluation", (_not_evaluated(migration),)),)),
            Section("Verdicts", tuple(_verdicts(rows))),
            Section("Evidence", tuple(_evidence(rows))),
            Section("What is to be done", tuple(_todo(migration, rows))),
            Section("Conversion guide", tuple(_guide(migration, old, new))),
        ),
    )


def _calendar(migration: Migration) -> tuple[tuple[str, str], ...]:
    return (
        ("Announced", migration.announced),
        ("Takes effect", migration.effective),
        ("End of support", f"{migration.support_ends}, of {migration.old}"),
        *((("Rules set aside", "; ".join(migration.overrides)),) if migration.overrides else ()),
    )


def _announcement(migration: Migration, rows: Sequence[AdapterRow]) -> Iterator[Block]:
    reason = f" {migration.reason.rstrip('.')}." if migration.reason else ""
    yield Paragraph(
        f"From {migration.effective} the standard base is {migration.new} instead of {migration.old}.{reason} "
        f"Nothing needs to be done on a laptop before that day; then locoman fetches the new base and goes on as before. "
        f"{migration.old} stays installed until {migration.support_ends} and serves what has not moved yet."
    )
    for fate, meaning in _MEANING.items():
        names = [row.name for row in rows if row.fate == fate]
        if names:
            yield Paragraph(f"{', '.join(names)}: {meaning}.")


def _not_evaluated(migration: Migration) -> Paragraph:
    return Paragraph(f"{migration.new} was not evaluated on this machine: locoman base evaluate {migration.new}.")


def _steps(migration: Migration, *, evaluated: bool) -> Table:
    done = _DONE[migration.phase]
    rows = []
    for number, (title, what) in enumerate(STEPS, start=1):
        skipped = title == "Evaluate" and not evaluated
        state = Cell("not here", "doubtful") if skipped else Cell("done", "good") if number <= done else Cell("to come")
        rows.append((f"{number}. {title}", what, state))
    return Table(("step", "what it is", "state"), tuple(rows))


def _verdicts(rows: Sequence[AdapterRow]) -> Iterator[Block]:
    if not rows:
        yield Paragraph("There is no adapter on the old base.")
        return
    spans = [span for row in rows for span in _spans(row)]
    if spans and plots.can_draw():
        summary = "The adapter's own cases, answered by the adapter on either base and by the new base alone."
        yield plots.intervals("Scores on both bases, with 95 % intervals", summary, spans)
    yield Table(("adapter", "verdict", "what becomes of it", "why"), tuple(_verdict_row(row) for row in rows))
    if spans:
        scored = [row for row in rows if list(_spans(row))]
        table = tuple((row.name, *(_score(row, who) for who in _ASKED)) for row in scored)
        yield Table(("adapter", *_ASKED), table, (1, 2, 3))


def _verdict_row(row: AdapterRow) -> tuple[str | Cell, ...]:
    reason = row.verdict.reason if row.verdict is not None else ""
    return row.name, Cell(row.word, _TONES.get(row.word, "")), _MEANING.get(row.fate, row.fate), reason


def _spans(row: AdapterRow) -> Iterator[plots.Span]:
    """The scores that the behavioural level found, with Wilson's interval for that many cases."""
    behaviour = row.verdict.at("behaviour") if row.verdict is not None else None
    numbers = behaviour.finding.numbers if behaviour is not None else {}
    cases = int(numbers.get("cases", 0))
    for who in _ASKED:
        score = numbers.get(f"score, {who}")
        if score is not None and cases:
            yield plots.Span(row.name, score, *wilson(score * cases, cases), who)


def _score(row: AdapterRow, who: str) -> str:
    span = next((span for span in _spans(row) if span.group == who), None)
    return f"{span.value:.3f} ({span.low:.3f} to {span.high:.3f})" if span is not None else "not asked"


def _evidence(rows: Sequence[AdapterRow]) -> Iterator[Block]:
    found = [
        (row.name, each.level, each.finding.word, Cell(each.finding.outcome, _OUTCOMES[each.finding.outcome]),
         each.finding.detail, f"{each.seconds:.2f} s")
        for row in rows
        if row.verdict is not None
        for each in row.verdict.evidence
    ]  # fmt: skip
    if not found:
        yield Paragraph("Nothing was checked yet: locoman migrate check.")
        return
    yield Paragraph("Level by level, the cheap ones first; what decided earlier spared the levels behind it.")
    yield Table(("adapter", "level", "finding", "outcome", "in words", "cost"), tuple(found), (5,))


def _todo(migration: Migration, rows: Sequence[AdapterRow]) -> Iterator[Block]:
    commands = [row.command for row in rows if row.command]
    if commands:
        yield Paragraph(f"These are trained again for {migration.new}; until then they answer from {migration.old}:")
        yield Code("\n".join(commands))
    else:
        yield Paragraph("No adapter has to be trained again.")
    doubtful = [row.name for row in rows if row.word == "recheck"]
    if doubtful:
        yield Paragraph(
            f"Somebody should look at {', '.join(doubtful)}: the check leaves a doubt, which stands beside it."
        )


def _guide(migration: Migration, old: BaseFacts, new: BaseFacts) -> Iterator[Block]:
    yield Paragraph(f"What is different for whoever makes adapters, from {migration.old} to {migration.new}.")
    theirs = dict(new.facts)
    rows = [
        (name, value, Cell(theirs.get(name, "?"), "" if theirs.get(name) == value else "doubtful"))
        for name, value in old.facts
    ]
    yield Table(("", old.name, new.name), tuple(rows))
    yield Bullets(
        (
            f"In adapter.toml: [base] name = {new.name!r}, and the fingerprint above.",
            "The training data stay as they are: the chat template is applied when they are read.",
            "Train, look at the evaluation, pack; the version goes up by one before the first dot.",
        ),
        ordered=True,
    )
    yield Code(
        f"locoman adapter train FOLDER --base {new.name}\nlocoman adapter check FOLDER\nlocoman adapter pack FOLDER"
    )


_OUTCOMES: Mapping[str, Tone] = {"pass": "good", "concern": "doubtful", "open": "doubtful", "fail": "bad"}
