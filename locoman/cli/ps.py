"""locoman ps"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.contracts import Residency
from locoman.sizes import megabytes


@make("ps")
def command(app: App, out: Output) -> None:
    """Show what is in memory: bases, their adapters, bytes, until when, and how busy it is.

    A base that Ollama holds as well is named: that memory can be had back.

    \b
    Example:
      locoman ps
    """
    residency = app.resident()
    held = app.held_by_ollama()
    document = describe(residency) | {"ollama": [asdict(model) for model in held]}

    def render() -> None:
        _render(out, residency)
        for model in held:
            out.note(str(model))

    out.result(document, render)


def describe(residency: Residency | None) -> dict[str, Any]:
    """The residency as --json prints it."""
    if residency is None:
        return {"running": False, "bases": []}
    return {
        "running": True,
        "engine": residency.engine,
        "address": residency.address,
        "since": residency.since,
        "idle_until": residency.idle_until,
        "bases": [asdict(base) for base in residency.bases],
        "load": asdict(residency.load),
    }


def _render(out: Output, residency: Residency | None) -> None:
    if residency is None:
        out.line("Nothing is running.")
        return
    left = f"{max(0.0, residency.idle_until - time.time()):.0f} s" if residency.idle_until else "-"
    rows = [
        (base.name, ", ".join(base.adapters) or "-", megabytes(base.bytes), base.launcher or "-", left)
        for base in residency.bases
    ]
    out.table(("BASE", "ADAPTERS", "MEMORY", "RUN BY", "STAYS FOR"), rows or [("-", "-", "-", "-", left)])
    for base in residency.bases:
        for reason in base.refused:
            out.note(f"Not used: {reason}")
    load = residency.load
    if residency.bases and load.slots:
        out.note(
            f"{load.answering} answering, {load.waiting} waiting; {load.owned} of {load.slots} conversations kept; "
            f"{load.requests} requests so far, the last at {load.tokens_per_second:.0f} tokens/s."
        )
