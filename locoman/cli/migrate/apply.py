"""locoman migrate apply"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from msgspec import to_builtins

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.cli.sync import describe, plan_lines
from locoman.workflows.migration.apply import ApplyPlan, execute_apply, plan_apply


@make("apply")
@click.option("--override", default="", metavar="REASON", help="Do it before its day, and say why.")
@click.option("--without-ollama", is_flag=True, help="Leave Ollama as it is; `locoman sync` brings it in step later.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def command(app: App, out: Output, override: str, without_ollama: bool, dry_run: bool) -> None:
    """Change the base: the new one answers, and the old one serves the adapters that have no version for it yet.

    \b
    Examples:
      locoman migrate apply --dry-run
      locoman migrate apply --override "the semester begins on Monday"
    """
    plan = plan_apply(app.home, app.shelf, app.ollama(), app.today, ollama=not without_ollama)
    document = _document(plan)
    if out.plan(document, _lines(plan), dry_run=dry_run):
        return
    with out.stages() as stages:
        done = execute_apply(app.home, app.shelf, app.ollama(), plan, stages, override)
    document |= {"applied": True, "migration": to_builtins(done)}
    out.result(document, lambda: out.line(f"{done.new} answers from now on. Back: locoman migrate rollback"))


def _document(plan: ApplyPlan) -> dict[str, Any]:
    return {
        "applied": False,
        "migration": to_builtins(plan.migration),
        "moved": list(plan.moved),
        "fallback": plan.fallback,
        "gone": list(plan.gone),
        "days_early": max(0, plan.early),
        "sync": describe(plan.sync) if plan.sync is not None else None,
    }


def _lines(plan: ApplyPlan) -> Iterator[str]:
    migration = plan.migration
    yield f"Base      {migration.old} -> {migration.new}"
    yield f"Moves     {', '.join(plan.moved) or 'none'}"
    if plan.fallback:
        yield f"Fallback  {', '.join(plan.fallback.values())}  (from {migration.old}, until {migration.support_ends})"
    if plan.gone:
        yield f"Goes      {', '.join(plan.gone)}"
    if plan.early > 0:
        yield f"Early     by {plan.early} days; it takes effect on {migration.effective}"
    if plan.sync is not None:
        yield from plan_lines(plan.sync)
