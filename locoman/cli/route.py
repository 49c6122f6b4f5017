"""locoman route"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Mode, Output
from locoman.contracts import Decision
from locoman.documents import read_text
from locoman.errors import UsageError

if TYPE_CHECKING:
    from locoman.routing.explain import Explanation

MAX_FILE_BYTES = 64 << 20


@make("route")
@click.argument("question", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Route each line of this file.")
@click.option(
    "--explain", is_flag=True, help="Also say why: the nearest examples, the words that counted, the threshold."
)
def command(app: App, out: Output, question: tuple[str, ...], file: Path | None, explain: bool) -> None:
    """Say which adapter would answer, without asking it.

    With --file and --json one object per line is printed.

    \b
    Examples:
      locoman route "What is 17 + 25?"
      locoman route --explain "Reverse the word planet and add 3 and 4"
      locoman route --file questions.txt --json
    """
    if file is not None:
        decider = app.deciding(out.note)
        for line in read_text(file, MAX_FILE_BYTES).splitlines():
            if line.strip():
                _print(out, decider.decide(line), line)
        return
    text = " ".join(question) if question not in ((), ("-",)) else _typed()
    if not text.strip():
        raise UsageError("The question is empty.")
    if not explain:
        _print(out, app.deciding(out.note).decide(text), None)
        return
    from locoman.routing.explain import explain as why

    explanation = why(app.router(out.note), text)
    document = describe(explanation.decision) | describe_why(explanation)
    out.result(document, lambda: out.lines(_why_lines(explanation)))


def _typed() -> str:
    from locoman.cli.ask import read_stdin

    return read_stdin()


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


def describe_why(why: Explanation) -> dict[str, Any]:
    """What --explain adds to --json."""
    return {
        "scope": None if why.scope is None else round(why.scope, 3),
        "threshold": None if why.threshold is None else round(why.threshold, 3),
        "nearest": [{"text": n.text, "adapter": n.adapter, "similarity": round(n.similarity, 4)} for n in why.nearest],
        "words": [{"word": w.word, "weight": round(w.weight, 4)} for w in why.words],
        "parts": [{"text": p.text, "adapter": p.adapter, "confidence": round(p.confidence, 4)} for p in why.parts],
    }


def _why_lines(why: Explanation) -> list[str]:
    decision = why.decision
    lines = [f"{decision.adapter or 'base'}  {decision.confidence:.0%} ({decision.stage})"]
    lines += [f"  {c.probability:6.1%}  {c.adapter or 'base'}" for c in decision.candidates[:5]]
    if why.scope is not None and why.threshold is not None:
        inside = "some adapter's question" if why.scope >= why.threshold else "nobody's question"
        lines.append(f"in scope  {why.scope:.2f}, threshold {why.threshold:.2f}: {inside}")
    lines += ["nearest examples"] if why.nearest else []
    lines += [f"  {n.similarity:5.2f}  {n.adapter or '(nobody)'}: {n.text}" for n in why.nearest]
    if why.words:
        lines.append("words     " + ", ".join(f"{w.word} {w.weight:+.2f}" for w in why.words))
    if why.parts:
        lines.append("two requests in one:")
        lines += [f"  {p.adapter}  {p.confidence:.0%}  {p.text}" for p in why.parts]
    return lines
