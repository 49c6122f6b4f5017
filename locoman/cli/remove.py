"""locoman remove"""

from __future__ import annotations

import sys
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.errors import UsageError, megabytes
from locoman.workflows.remove import RemovePlan, execute_remove, plan_remove


@make("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--dry-run", is_flag=True, help="Show what would go and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(app: App, out: Output, names: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Remove adapters or a base (with its adapters). Ollama's own models are never touched.

    \b
    Examples:
      locoman remove dates
      locoman remove dates@1.0.0 --yes
      locoman remove loco-tiny --dry-run
    """
    plans = plan_remove(app.home, names)
    document: dict[str, Any] = {"removed": not dry_run, "plans": [_describe(plan) for plan in plans]}
    if dry_run:
        out.result(document, lambda: out.lines(line for plan in plans for line in _lines(plan)))
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Removing needs --yes where nobody can be asked.")
        for plan in plans:
            for line in _lines(plan):
                out.note(line)
        click.confirm("Remove?", abort=True, err=True)
    execute_remove(app.home, plans)
    out.result(
        document,
        lambda: out.line(f"Removed {', '.join(names)}; {megabytes(sum(p.bytes for p in plans))} are free again."),
    )


def _lines(plan: RemovePlan) -> list[str]:
    lines = []
    if plan.base is not None:
        kept = " (Ollama keeps its own file)" if plan.base.origin == "ollama" else ""
        lines.append(f"Base      {plan.base.name}{kept}")
    lines += [f"Adapter   {adapter.ref}" for adapter in plan.adapters]
    return [*lines, f"Disk      {megabytes(plan.bytes)} become free"]


def _describe(plan: RemovePlan) -> dict[str, Any]:
    return {
        "base": plan.base.name if plan.base else None,
        "adapters": [str(adapter.ref) for adapter in plan.adapters],
        "bytes": plan.bytes,
    }
