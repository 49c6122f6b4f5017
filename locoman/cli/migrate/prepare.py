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
@click.option("--train", is_flag=True, help="Train here what has to be trained again (needs the extra `train`).")
@click.option("--dry-run", is_flag=True, help="Show what would be prepared and stop.")
def command(app: App, out: Output, train: bool, dry_run: bool) -> None:
    """Settle who answers on the new base, and say what has to be trained again.

    With --train that is done here, one adapter after the other; what passes its gate moves. Stopped, the same command goes
    on where it was.

    \b
    Examples:
      locoman migrate prepare --dry-run
      locoman migrate prepare --train
    """
    plan = plan_prepare(app.home) if dry_run else execute_prepare(app.home)
    document = _document(plan, dry_run)
    if train and plan.retrain and not dry_run:
        document["retrained"] = _train(app, out, plan)
        plan = execute_prepare(app.home)
        document |= _document(plan, dry_run)
    out.result(document, lambda: out.lines(_lines(plan)))


def _train(app: App, out: Output, plan: PreparePlan) -> list[dict[str, Any]]:
    from locoman.cli.adapter.train_pages import look_line
    from locoman.training.lora import Machine
    from locoman.workflows.migration.retrain import Trainer, retrain

    trainer = Trainer(Machine(), app.engine_in, app.scorers, lambda look: out.note(look_line(look)))
    found = []
    with out.stages() as stages:
        for each in retrain(app.home, app.shelf, plan, trainer, stages):
            score, passed = each.verdict.adapter.value, each.verdict.passed
            out.note(f"{each.adapter}: {score:.1%} on the new base, {'passes' if passed else 'misses'} its gate")
            found.append({"adapter": each.adapter, "score": score, "passed": passed, "folder": str(each.folder)})
    return found


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
