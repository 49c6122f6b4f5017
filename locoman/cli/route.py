"""locoman route"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Mode, Output
from locoman.cli.question import QuestionCommand, read_stdin
from locoman.cli.route_pages import decision_lines, describe, describe_why, why_lines
from locoman.documents import read_text
from locoman.errors import UsageError

MAX_FILE_BYTES = 64 << 20
STDIN = Path("-")


@make("route", kind=QuestionCommand)
@click.argument("question", nargs=-1)
@click.option(
    "--file", "file", type=click.Path(path_type=Path), help="Route each line of this file; - is standard input."
)
@click.option(
    "--explain", is_flag=True, help="Also say why: the nearest examples, the words that counted, the threshold."
)
def command(app: App, out: Output, question: tuple[str, ...], file: Path | None, explain: bool) -> None:
    """Say which adapter would answer, without asking it.

    The percentage is the probability that the question belongs to who would answer. With --file and --json one object per
    line is printed.

    \b
    Examples:
      locoman route "What is 17 + 25?"
      locoman route --explain "Reverse the word planet and add 3 and 4"
      locoman route --file questions.txt --json
    """
    if file is not None and question:
        raise UsageError("Give either a question or --file, not both.")
    texts = iter((_typed(question),)) if file is None else _lines_of(file)
    answered = _explained(app, out) if explain else _decided(app, out)
    if file is None:
        document, lines = answered(next(texts))
        out.result(document, lambda: out.lines(lines))
        return
    for text in texts:
        document, lines = answered(text)
        if out.mode is Mode.JSON:
            out.line(json.dumps(document, ensure_ascii=False))
        elif explain:
            out.lines([f"question  {text}", *lines, ""])
        else:
            out.line(lines[0] if out.mode is Mode.QUIET else f"{lines[0]}  {text}")


Answered = Callable[[str], tuple[dict[str, Any], list[str]]]
"""What is said of a question: for --json, and for people."""


def _decided(app: App, out: Output) -> Answered:
    decider = app.deciding(out.note_once)

    def answered(text: str) -> tuple[dict[str, Any], list[str]]:
        decision = decider.decide(text)
        return describe(decision), [decision.adapter or "base"] if out.mode is Mode.QUIET else decision_lines(decision)

    return answered


def _explained(app: App, out: Output) -> Answered:
    from locoman.routing.explain import explain

    router = app.router(out.note_once)

    def answered(text: str) -> tuple[dict[str, Any], list[str]]:
        why = explain(router, text)
        return describe(why.decision) | describe_why(why), why_lines(why)

    return answered


def _typed(question: tuple[str, ...]) -> str:
    """The question on the command line, else on standard input. Raises UsageError."""
    text = " ".join(question) if question not in ((), ("-",)) else read_stdin()
    if not text.strip():
        raise UsageError("The question is empty.", 'locoman route "What is 17 + 25?"')
    return text


def _lines_of(file: Path) -> Iterator[str]:
    """The lines that hold anything. Raises InvalidFile, StoreError, UsageError."""
    if file == STDIN:
        text = read_stdin(MAX_FILE_BYTES, "The questions are")
    else:
        text = read_text(file, MAX_FILE_BYTES)
    return (line for line in text.splitlines() if line.strip())
