"""locoman migrate rollback, locoman migrate retire"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.errors import UsageError
from locoman.sizes import megabytes
from locoman.workflows.migration.retire import RetirePlan, execute_retire, plan_retire
from locoman.workflows.migration.rollback import RollbackPlan, execute_rollback, plan_rollback
from locoman.workflows.remove import Removed


@make("rollback")
@click.option("--dry-run", is_flag=True, help="Show what would happen and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def rollback(app: App, out: Output, dry_run: bool, yes: bool) -> None:
    """Take the change of base back: the old base answers, and what was brought for the change goes.

    What you added in between stays.

    \b
    Example:
      locoman migrate rollback --dry-run
    """
    plan = plan_rollback(app.home)
    document = {
        "rolled_back": not dry_run, "base": plan.migration.old, "base_removed": plan.migration.new if plan.base_goes else None,
        "adapters": [str(adapter.ref) for adapter in plan.adapters], "kept": list(plan.kept),
        "models": [model.tag for model in plan.models], "bytes": plan.bytes,
    }  # fmt: skip
    if dry_run:
        out.result(document, lambda: out.lines(_rollback_lines(plan)))
        return
    _confirm(out, _rollback_lines(plan), yes, "Take it back?")
    done = execute_rollback(app.home, app.ollama())
    _tell_left(out, done.removed)
    document |= {"models_left": list(done.removed.left)}
    out.result(document, lambda: out.line(f"{done.base} answers again; {megabytes(plan.bytes)} are free."))


@make("retire")
@click.option("--override", default="", metavar="REASON", help="Do it before its day, and say why.")
@click.option("--dry-run", is_flag=True, help="Show what would go and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def retire(app: App, out: Output, override: str, dry_run: bool, yes: bool) -> None:
    """End the old base's support: it goes with its adapters, and the change of base is over.

    \b
    Example:
      locoman migrate retire --dry-run
    """
    plan = plan_retire(app.home, app.today)
    removal = plan.removal
    document = {
        "retired": not dry_run, "base": plan.migration.old, "orphans": list(plan.orphans), "days_early": max(0, plan.early),
        "adapters": [str(adapter.ref) for adapter in removal.adapters] if removal else [],
        "models": [model.tag for model in removal.models] if removal else [], "bytes": removal.bytes if removal else 0,
    }  # fmt: skip
    if dry_run:
        out.result(document, lambda: out.lines(_retire_lines(plan)))
        return
    _confirm(out, _retire_lines(plan), yes, "Retire it?")
    _tell_left(out, execute_retire(app.home, app.ollama(), plan, override))
    out.result(
        document, lambda: out.line(f"{plan.migration.old} is retired; {plan.migration.new} is the only base now.")
    )


def _confirm(out: Output, lines: Iterator[str], yes: bool, question: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("This needs --yes where nobody can be asked.")
    out.notes(lines)
    click.confirm(question, abort=True, err=True)


def _tell_left(out: Output, removed: Removed) -> None:
    if removed.left:
        out.note(f"Ollama does not answer; {', '.join(removed.left)} stay in it until `locoman sync --prune` finds it.")


def _rollback_lines(plan: RollbackPlan) -> Iterator[str]:
    yield f"Base      {plan.migration.old} answers again"
    if plan.base_goes:
        yield f"Goes      {plan.migration.new}, {megabytes(plan.bytes)} become free"
    if plan.adapters:
        yield f"Adapters  {', '.join(str(adapter.ref) for adapter in plan.adapters)} go with it"
    if plan.kept:
        yield f"Kept      {', '.join(plan.kept)}, which you added, and so {plan.migration.new} too"
    yield from (f"Model     {model.tag} in Ollama goes" for model in plan.models)


def _retire_lines(plan: RetirePlan) -> Iterator[str]:
    if plan.removal is not None:
        yield f"Goes      {plan.migration.old}, {megabytes(plan.removal.bytes)} become free"
        yield from (f"Model     {model.tag} in Ollama goes" for model in plan.removal.models)
    if plan.orphans:
        yield f"Silent    {', '.join(plan.orphans)}: there is no version for {plan.migration.new}"
    if plan.early > 0:
        yield f"Early     by {plan.early} days; it is supported until {plan.migration.support_ends}"
