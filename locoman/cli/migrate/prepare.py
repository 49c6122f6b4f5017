"""locoman migrate prepare"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.migration.prepare import PreparePlan, execute_prepare, plan_prepare


@make("prepare")
@click.option("--dry-run", is_flag=True, help="Show what would be prepared and stop.")
def command(app: App, out: Output, dry_run: bool) -> None:
    """Settle who answers on the new base, and say what has to be trained again.

    \b
    Example:
      locoman migrate prepare --dry-run
    """
    plan = plan_prepare(app.home) if dry_run else execute_prepare(app.home)
    out.result(_document(plan, dry_run), lambda: out.lines(_lines(plan)))


def _document(plan: PreparePlan, dry_run: bool) -> dict[str, Any]:
    return {
        "prepared": not dry_run,
        "adapters": {str(item.adapter.ref): item.fate for item in plan.checked},
        "retrain": [{"adapter": name, "command": command} for name, command in plan.retrain],
        "unchecked": list(plan.unknown),
    }


def _lines(plan: PreparePlan) -> Iterator[str]:
    for fate, title in (("moves", "Moves"), ("stays", "Stays"), ("goes", "Goes")):
        names = [str(item.adapter.ref) for item in plan.checked if item.fate == fate]
        if names:
            yield f"{title:<9} {', '.join(names)}  ({_MEANING[fate]})"
    yield from (f"Retrain   {name}: {command}" for name, command in plan.retrain)
    yield f"Next: locoman migrate apply   (from {plan.migration.effective})"


_MEANING = {
    "moves": "answers on the new base",
    "stays": "answers on from the old base, until it is retired",
    "goes": "the new base does as well without it",
}
