"""locoman sync"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.sync import Synced, execute_sync
from locoman.workflows.sync_plan import SyncPlan, plan_sync

_ASK_FROM_BYTES = 1 << 30


@make("sync")
@click.option(
    "--strategy",
    type=click.Choice(("auto", "native", "merged", "split", "hotswap")),
    help="How the adapters get into Ollama (default: as the last time, at first auto).",
)
@click.option("--prune", is_flag=True, help="Take away models of locoman's that nothing needs any more.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before taking more than 1 GB of disk space.")
def command(app: App, out: Output, strategy: str | None, prune: bool, dry_run: bool, yes: bool) -> None:
    """Bring the adapters into Ollama as models, and keep them in step.

    Each adapter becomes BASE-ADAPTER:VERSION. `auto` makes models where they cost no more than the adapters themselves, and
    else leaves the adapters to locoman's host (`locoman serve`). Only models that locoman made are ever changed or deleted.

    \b
    Examples:
      locoman sync --dry-run
      locoman sync
      locoman sync --strategy merged --prune
    """
    plan = plan_sync(app.home, app.shelf, app.ollama(), strategy or "", prune=prune)  # type: ignore[arg-type]
    document: dict[str, Any] = {"plan": describe(plan), "synced": False}
    if dry_run:
        out.result(document, lambda: out.lines(plan_lines(plan)))
        return
    if not plan.nothing_to_do:
        out.notes(plan_lines(plan))
    if plan.upload_bytes + plan.download_bytes > _ASK_FROM_BYTES and not yes and sys.stdin.isatty():
        click.confirm("Go on?", abort=True, err=True)
    started = time.perf_counter()
    with out.stages() as stages:
        done = execute_sync(app.home, app.shelf, app.ollama(), plan, stages)
    document |= {"synced": True, "result": _result(done, time.perf_counter() - started)}
    out.result(document, lambda: out.lines(_result_lines(plan, done)))
    if plan.blocked:
        out.fall_short("Not everything could be brought in step.", "; ".join(plan.blocked))


def describe(plan: SyncPlan) -> dict[str, Any]:
    """The plan as --json prints it."""
    state = plan.state
    return {
        "ollama": state.able.version,
        "strategy": plan.strategy.name,
        "base": {"tag": str(state.wanted.tag), "action": state.base_step.action, "problem": state.base_step.problem},
        "models": [{"tag": s.tag, "found": s.finding, "action": s.action} for s in state.steps],
        "upload_bytes": plan.upload_bytes,
        "download_bytes": plan.download_bytes,
        "disk_before": plan.disk_before,
        "disk_after": plan.disk_after,
        "copy_bytes": plan.copy_bytes,
        "disk_free": plan.disk_free,
        "memory_bytes": plan.spec.spec.runtime.memory_bytes,
        "blocked": list(plan.blocked),
    }


def plan_lines(plan: SyncPlan) -> Iterator[str]:
    """The plan as a person reads it."""
    state = plan.state
    chosen = " (chosen for this Ollama)" if plan.asked == "auto" else ""
    yield f"Ollama    {state.able.version}, strategy {plan.strategy.name}{chosen}"
    yield f"Base      {state.wanted.tag}  ({_BASE[state.base_step.action]})"
    for step in state.steps:
        if step.action == "keep":
            yield f"Model     {step.tag}  (as it should be)"
        else:
            yield f"Model     {step.tag}  ({_MODEL[step.action]}: {step.sentence})"
    if plan.strategy.name == "hotswap":
        yield "          the adapters answer from locoman's host: `locoman serve`, or `locoman ask`"
    yield f"Upload    {megabytes(plan.upload_bytes)} at most" + (
        f", and {megabytes(plan.download_bytes)} to download" if plan.download_bytes else ""
    )
    yield (
        f"Disk      {megabytes(plan.disk_before)} in Ollama before, {megabytes(plan.disk_after)} after; "
        f"{megabytes(plan.disk_free)} free"
    )
    if plan.copy_bytes:
        yield f"          {megabytes(plan.copy_bytes)} of it is a second copy of the base that locoman keeps"
    yield f"Memory    {megabytes(plan.spec.spec.runtime.memory_bytes)} for each model that Ollama has loaded"
    yield from (f"Blocked   {line}" for line in plan.blocked)


_BASE = {
    "keep": "as it should be",
    "none": "nothing to do",
    "pull": "to be pulled",
    "pull anew": "to be pulled anew",
    "adopt": "moved: its new file is used from now on",
    "create": "to be made of the file that is here",
    "create anew": "to be made anew of locoman's file",
    "set aside": "to be made of locoman's file; what is there gets another name",
}
_MODEL = {
    "make": "to be made",
    "make anew": "to be made anew",
    "set aside": "to be made; what is there gets another name",
    "forget": "no longer looked after",
    "delete": "to be deleted",
    "leave": "left as it is",
}


def _result(done: Synced, seconds: float) -> dict[str, Any]:
    return {
        "made": list(done.made),
        "removed": list(done.removed),
        "set_aside": [{"tag": tag, "kept_as": kept} for tag, kept in done.set_aside],
        "uploads": done.uploads,
        "uploaded_bytes": done.uploaded_bytes,
        "seconds": round(seconds, 3),
    }


def _result_lines(plan: SyncPlan, done: Synced) -> Iterator[str]:
    for tag, kept in done.set_aside:
        yield f"Somebody else's {tag} is called {kept} now."
    if done.removed:
        yield f"Removed {', '.join(done.removed)}."
    if done.made:
        sent = f"{done.uploads} uploads, {megabytes(done.uploaded_bytes)}"
        yield f"Made {', '.join(done.made)} ({sent})."
    elif not done.removed:
        yield "Ollama is in step: 0 uploads."
    if plan.strategy.name == "hotswap":
        yield "The adapters answer from locoman's host: locoman serve, or locoman ask."
