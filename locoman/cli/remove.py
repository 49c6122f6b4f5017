"""locoman remove"""

from __future__ import annotations

import sys
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.errors import UsageError
from locoman.sizes import megabytes
from locoman.workflows.remove import RemovePlan, execute_remove, plan_remove, plan_remove_all


@make("remove")
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="All bases and adapters, and what locoman made in Ollama.")
@click.option("--dry-run", is_flag=True, help="Show what would go and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(app: App, out: Output, names: tuple[str, ...], everything: bool, dry_run: bool, yes: bool) -> None:
    """Remove adapters or a base (with its adapters), and the models that locoman made of them in Ollama.

    Models in Ollama that locoman did not make are never touched.

    \b
    Examples:
      locoman remove dates
      locoman remove dates@1.0.0 --yes
      locoman remove loco-tiny --dry-run
      locoman remove --all --dry-run
    """
    if everything == bool(names):
        raise UsageError("Name what is to go, or give --all.")
    plans = plan_remove_all(app.home) if everything else plan_remove(app.home, names)
    carry_out(app, out, plans, ", ".join(names) or "everything", dry_run=dry_run, yes=yes)


def carry_out(app: App, out: Output, plans: tuple[RemovePlan, ...], what: str, *, dry_run: bool, yes: bool) -> None:
    """Shows the plans, asks, and executes them."""
    document: dict[str, Any] = {"removed": not dry_run, "plans": [_describe(plan) for plan in plans]}
    if dry_run:
        out.result(document, lambda: out.lines(line for plan in plans for line in _lines(plan)))
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Removing needs --yes where nobody can be asked.")
        for plan in plans:
            out.notes(_lines(plan))
        click.confirm("Remove?", abort=True, err=True)
    removed = execute_remove(app.home, plans, app.ollama())
    if removed.left:
        out.note(f"Ollama does not answer; {', '.join(removed.left)} stay in it until `locoman remove --all` or")
        out.note("`locoman sync --prune` finds it running.")
    document |= {"models_removed": list(removed.models), "models_left": list(removed.left)}
    out.result(document, lambda: out.line(f"Removed {what}; {megabytes(sum(p.bytes for p in plans))} are free again."))


def _lines(plan: RemovePlan) -> list[str]:
    lines = []
    if plan.base is not None:
        ours = any(not model.adapter for model in plan.models)
        kept = " (Ollama keeps its own file)" if plan.base.origin == "ollama" and not ours else ""
        lines.append(f"Base      {plan.base.name}{kept}")
    lines += [f"Adapter   {adapter.ref}" for adapter in plan.adapters]
    lines += [f"Model     {model.tag} in Ollama" for model in plan.models]
    return [*lines, f"Disk      {megabytes(plan.bytes)} become free" + (", and more in Ollama" if plan.models else "")]


def _describe(plan: RemovePlan) -> dict[str, Any]:
    return {
        "base": plan.base.name if plan.base else None,
        "adapters": [str(adapter.ref) for adapter in plan.adapters],
        "bytes": plan.bytes,
        "models": [model.tag for model in plan.models],
    }
