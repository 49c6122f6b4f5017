"""locoman migrate check"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.store.migrations import Migration
from locoman.workflows.migration.check import Asker, CheckPlan, execute_check, plan_check
from locoman.workflows.migration.verdicts import Checked


@make("check")
@click.option("--adapter", "names", multiple=True, metavar="NAME", help="Only this adapter (repeatable).")
@click.option("--sample", default=0, metavar="N", type=click.IntRange(min=0), help="Only N cases of each adapter.")
@click.option("--allow-code", is_flag=True, help="Run code from answers, in a sandbox, where a suite scores it so.")
@click.option("--dry-run", is_flag=True, help="Show who would be checked and stop.")
def command(app: App, out: Output, names: tuple[str, ...], sample: int, allow_code: bool, dry_run: bool) -> None:
    """Check every adapter against the new base: structure, tokenizer, template, licence, weights, and its own cases.

    What was checked before is not checked again, and a check that was stopped goes on with the next case.

    \b
    Examples:
      locoman migrate check --dry-run
      locoman migrate check --adapter words
      locoman migrate check
    """
    plan = plan_check(app.home, names, sample)
    if dry_run:
        document = _document(plan.migration, plan.known) | {"todo": [str(a.ref) for a in plan.todo]}
        out.result(document, lambda: out.lines(_plan_lines(plan)))
        return
    engine = app.engine()
    asker = Asker(engine, app.engine_facts(), app.scorers(engine, allow_code))
    with out.stages() as stages:
        checked = execute_check(app.home, app.shelf, app.providers(), asker, plan, stages)
    out.result(_document(plan.migration, checked), lambda: show(out, checked))
    open_ones = [item for item in checked if not item.known]
    if not open_ones:
        out.note("Next: locoman migrate prepare")


def show(out: Output, checked: Sequence[Checked]) -> None:
    """The verdicts as a table, and the reason of each."""
    rows = [(item.adapter.name, item.word, _FATES[item.fate], item.reason) for item in checked]
    out.table(("ADAPTER", "VERDICT", "BECOMES", "WHY"), rows)


def verdict_document(item: Checked) -> dict[str, Any]:
    """One adapter, as --json prints it."""
    evidence = item.verdict.evidence if item.verdict is not None else ()
    return {
        "adapter": str(item.adapter.ref),
        "verdict": item.word,
        "fate": item.fate,
        "reason": item.reason,
        "evidence": [
            {
                "level": each.level,
                "outcome": each.finding.outcome,
                "word": each.finding.word,
                "detail": each.finding.detail,
                "numbers": dict(each.finding.numbers),
                "seconds": round(each.seconds, 4),
            }
            for each in evidence
        ],
    }


_FATES = {"moves": "moves", "stays": "stays on the old base", "goes": "not needed"}


def _document(migration: Migration, checked: Sequence[Checked]) -> dict[str, Any]:
    return {"from": migration.old, "to": migration.new, "adapters": [verdict_document(item) for item in checked]}


def _plan_lines(plan: CheckPlan) -> Iterator[str]:
    if plan.install:
        yield f"Install   {plan.migration.new}, beside the base in use"
    yield f"Check     {', '.join(str(adapter.ref) for adapter in plan.todo) or 'nothing is left to check'}"
    if plan.known:
        yield f"Known     {', '.join(f'{item.adapter.ref} ({item.word})' for item in plan.known)}"
