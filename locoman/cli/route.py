"""locoman route"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.ask import read_stdin
from locoman.cli.command import command as make
from locoman.cli.output import Mode, Output
from locoman.contracts import Decision
from locoman.documents import read_text
from locoman.errors import UsageError

MAX_FILE_BYTES = 64 << 20


@make("route")
@click.argument("question", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Route each line of this file.")
def command(app: App, out: Output, question: tuple[str, ...], file: Path | None) -> None:
    """Say which adapter would answer, without asking it.

    With --file and --json one object per line is printed.

    \b
    Examples:
      locoman route "What is 17 + 25?"
      locoman route --file questions.txt --json
    """
    router = app.router()
    if file is not None:
        for line in read_text(file, MAX_FILE_BYTES).splitlines():
            if line.strip():
                _print(out, router.decide(line), line)
        return
    text = read_stdin() if question in ((), ("-",)) else " ".join(question)
    if not text.strip():
        raise UsageError("The question is empty.")
    _print(out, router.decide(text), None)


def _print(out: Output, decision: Decision, question: str | None) -> None:
    if out.mode is Mode.JSON:
        out.line(json.dumps(describe(decision), ensure_ascii=False))
        return
    who = decision.adapter or "base"
    if out.mode is Mode.QUIET:
        out.line(who)
        return
    out.line(f"{who}  {decision.confidence:.0%} ({decision.stage})" + (f"  {question}" if question else ""))
    if question is None:
        for candidate in decision.candidates[:5]:
            out.line(f"  {candidate.probability:6.1%}  {candidate.adapter or 'base'}")


def describe(decision: Decision) -> dict[str, Any]:
    """The decision as --json prints it."""
    return {
        "adapter": decision.adapter,
        "confidence": round(decision.confidence, 4),
        "stage": decision.stage,
        "candidates": [{"adapter": c.adapter, "probability": round(c.probability, 4)} for c in decision.candidates],
        "route_ms": round(decision.route_ms, 3),
    }
