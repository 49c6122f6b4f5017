"""locoman eval compare"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.evaluate.pages import case_lines, interval_document, points, who
from locoman.cli.output import Output
from locoman.workflows.evaluation_runs import Comparison, compare_runs, find_run


@make("compare")
@click.argument("a")
@click.argument("b")
@click.option("--cases", type=click.IntRange(0), default=5, show_default=True, help="How many cases that changed.")
def compare(app: App, out: Output, a: str, b: str, cases: int) -> None:
    """Compare two runs case by case: how much better is B than A, and is that more than chance?

    A and B are names of runs or the beginnings of names; they are paired by the cases that both have.

    \b
    Example:
      locoman eval compare arithmetic-base arithmetic-arithmetic
    """
    found = compare_runs(find_run(app.home, a), find_run(app.home, b))
    out.result(_document(found, cases), lambda: _render(out, found, cases))


def _document(found: Comparison, cases: int) -> dict[str, object]:
    first, second = found.scores
    return {
        "a": {"run": found.a.header.run, **interval_document(first)},
        "b": {"run": found.b.header.run, **interval_document(second)},
        "cases": len(found.pairs),
        "alone": found.alone,
        "difference": interval_document(found.difference),
        "p": found.p,
        "significant": found.significant,
        "changed": [
            {"question": p.a.question, "expected": list(p.a.expected), "a": p.a.answer, "b": p.b.answer}
            for p in found.changed[:cases]
        ],
    }


def _render(out: Output, found: Comparison, cases: int) -> None:
    for letter, run, score in zip("AB", (found.a, found.b), found.scores, strict=True):
        share = f"{100 * score.value:.1f} % [{100 * score.low:.1f}, {100 * score.high:.1f}]"
        out.line(f"{letter}  {run.header.suite}, asked of {who(run.header)}: {share}")
    change = found.difference
    word = "" if found.significant else ", which may be chance"
    out.line(
        f"B - A: {points(change.value)} points [{points(change.low)}, {points(change.high)}] "
        f"on {len(found.pairs)} cases, p = {found.p:.2g}{word}"
    )
    for pair in found.changed[:cases]:
        out.line()
        lines = list(case_lines(pair.a))
        out.lines((*lines[1:3], f"  A         {lines[3][12:]}", f"  B         {list(case_lines(pair.b))[3][12:]}"))
