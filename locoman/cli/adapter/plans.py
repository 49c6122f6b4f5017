"""How a plan that adds adapters looks: to a person, and under --json. Shared by add and update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locoman.app import App
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.add import AddPlan, AddStep, execute_add, never_chosen, overlaps

_WORDS = {"install": "new", "activate": "installed, becomes active", "keep": "installed already"}


def carry_out(app: App, out: Output, plan: AddPlan, *, dry_run: bool, nothing: str) -> None:
    """Shows the plan, executes it unless `dry_run`, and tells the result; `nothing` is said where nothing is to be done."""
    document = describe(plan) | {"done": False}
    if dry_run:
        out.result(document, lambda: out.lines(plan_lines(plan) if plan.steps else [nothing]))
        return
    for source, reason in plan.failed:
        out.note(f"Not asked: {source}: {reason}.")
    if plan.nothing_to_do:
        out.result(document | {"done": True}, lambda: out.line(nothing))
        return
    out.notes(plan_lines(plan))
    with out.stages() as stages:
        done = execute_add(app.home, plan, stages)
    answering = ", ".join(f"{adapter.ref}" for adapter in done)
    verb = "answers" if len(done) == 1 else "answer"
    out.result(document | {"done": True}, lambda: out.line(f"{answering} {verb} from now on."))
    for sentence in overlaps(app.home, plan, done):
        out.note(sentence)
    for name in never_chosen(app.home, plan, done):
        out.note(
            f"{name} has neither example questions nor keywords, so the router never chooses it: "
            f'ask it by its name, as in locoman ask --model {name} "...".'
        )


def describe(plan: AddPlan) -> dict[str, Any]:
    """The plan as --json prints it."""
    return {
        "base": plan.base,
        "adapters": [_step(step) for step in plan.steps],
        "failed": [{"source": source, "reason": reason} for source, reason in plan.failed],
        "download_bytes": plan.download_bytes,
        "disk_bytes": plan.disk_bytes,
        "disk_free": plan.disk_free,
    }


def plan_lines(plan: AddPlan) -> Iterator[str]:
    """The plan as a person reads it."""
    for step in plan.steps:
        instead = f", in place of {step.replaces}" if step.replaces else ""
        size = f"; {megabytes(step.download_bytes)} to download" if step.download_bytes else ""
        yield f"Adapter   {step.listing.ref}  ({_WORDS[step.action]}{instead}; licence {step.listing.licence}{size})"
        if step.action == "install" and step.listing.source:
            yield f"          from {step.listing.source}"
    yield f"Disk      {megabytes(plan.disk_bytes)} needed, {megabytes(plan.disk_free)} free"


def _step(step: AddStep) -> dict[str, Any]:
    return {
        "adapter": str(step.listing.ref), "action": step.action, "replaces": step.replaces or None,
        "source": step.listing.source or None, "licence": step.listing.licence,
        "download_bytes": step.download_bytes, "disk_bytes": step.disk_bytes,
    }  # fmt: skip
