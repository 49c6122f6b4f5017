"""locoman eval report"""

from __future__ import annotations

from pathlib import Path

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.evaluation_report import build_report
from locoman.workflows.write_report import write_report


@make("report")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--out", "path", type=click.Path(path_type=Path), default=Path("evaluation.html"), show_default=True,
    help="Where it is written; the ending (.html, .md, .json) says in what form.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def report(app: App, out: Output, runs: tuple[str, ...], path: Path, force: bool) -> None:
    """Write a report: scores with intervals, adapters against their base, speed, the router, the cases that went worst.

    Without a RUN it is about the newest run of each suite. The HTML is one file that needs no network.

    \b
    Examples:
      locoman eval report
      locoman eval report arithmetic-base arithmetic-arithmetic --out arithmetic.md
    """
    built = build_report(app.home, runs)
    write_report(built, path, force=force)
    out.result({"report": str(path), "lead": built.lead}, lambda: out.line(f"{built.lead} Written to {path}."))
