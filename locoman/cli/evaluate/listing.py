"""locoman eval list, show"""

from __future__ import annotations

from typing import Any

import click
from msgspec import to_builtins

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.evaluate.pages import case_lines, run_document, summary_line, who, worst
from locoman.cli.output import Output
from locoman.errors import LocomanError
from locoman.evaluation.journal import StoredRun
from locoman.workflows.evaluation_runs import find_run, stored_runs
from locoman.workflows.evaluation_subjects import SuiteSubject, known_suites


@make("list")
def list_(app: App, out: Output) -> None:
    """List the suites that can be run, and the runs that there are, the newest first.

    \b
    Example:
      locoman eval list
    """
    registry = app.registry()
    subjects = known_suites(app.home, registry, registry.find_base(registry.base))
    suites = [_suite(subject) for subject in subjects if isinstance(subject, SuiteSubject)]
    runs, broken = stored_runs(app.home)
    for error in (*(subject for subject in subjects if isinstance(subject, LocomanError)), *broken):
        out.note(str(error))

    def render() -> None:
        out.table(
            ("SUITE", "CASES", "SCORER", "OF"),
            [(s["suite"], str(s["cases"]), s["scorer"], s["adapter"] or s["path"]) for s in suites],
        )
        out.line()
        out.table(("RUN", "SCORE", "CASES", "ASKED OF", "STARTED"), [_row(run) for run in runs])

    out.result({"suites": suites, "runs": [_run(run) for run in runs]}, render)


@make("show")
@click.argument("run", default="last")
@click.option(
    "--worst", "count", type=click.IntRange(0), default=5, show_default=True, help="How many cases that failed."
)
def show(app: App, out: Output, run: str, count: int) -> None:
    """Show a run: its score, its figures and the cases that went worst.

    RUN is a run's name, the beginning of one, or "last".

    \b
    Examples:
      locoman eval show
      locoman eval show arithmetic-base --worst 20
    """
    stored = find_run(app.home, run)
    document = _run(stored) | {
        "header": to_builtins(stored.header),
        "results": [to_builtins(result) for result in stored.results],
    }

    def render() -> None:
        if stored.summary is None:
            total = stored.header.total
            out.line(
                f"{stored.header.suite}, asked of {who(stored.header)}: {len(stored.results)} of {total} cases done"
            )
        else:
            out.line(summary_line(stored.header, stored.summary))
            out.lines(f"  {name:<18} {value:,.2f}" for name, value in stored.summary.metrics.items())
        for result in worst(stored, count):
            out.line()
            out.lines(case_lines(result))

    out.result(document, render)


def _suite(subject: SuiteSubject) -> dict[str, Any]:
    suite = subject.suite
    return {
        "suite": suite.name,
        "cases": len(suite.cases),
        "kind": suite.kind,
        "scorer": suite.scorer.name,
        "adapter": subject.owner or None,
        "path": str(suite.path),
        "description": suite.description,
    }


def _run(stored: StoredRun) -> dict[str, Any]:
    header = stored.header
    if stored.summary is not None:
        return run_document(header, stored.summary) | {"finished": True, "started": header.started}
    known = {"run": header.run, "suite": header.suite, "base": header.base, "adapter": header.adapter or None}
    return known | {"cases": header.total, "known": len(stored.results), "finished": False, "started": header.started}


def _row(stored: StoredRun) -> tuple[str, ...]:
    header, summary = stored.header, stored.summary
    score = f"{100 * summary.score:.1f} %" if summary is not None else "unfinished"
    return (
        header.run,
        score,
        f"{len(stored.results)}/{header.total}",
        who(header),
        header.started[:16].replace("T", " "),
    )
