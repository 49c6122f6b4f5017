"""locoman migrate report"""

from __future__ import annotations

from pathlib import Path

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.migration.report import build_migration_report
from locoman.workflows.write_report import write_report


@make("report")
@click.option(
    "--out", "path", type=click.Path(path_type=Path), default=Path("migration.html"), show_default=True,
    help="Where it is written; the ending (.html, .md, .json) says in what form.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(app: App, out: Output, path: Path, force: bool) -> None:
    """Write what people read of a change of base: the announcement, verdicts with their evidence, what to do, when.

    \b
    Examples:
      locoman migrate report
      locoman migrate report --out announcement.md
    """
    built = build_migration_report(app.home, app.shelf)
    write_report(built, path, force=force)
    out.result({"report": str(path), "lead": built.lead}, lambda: out.line(f"{built.lead} Written to {path}."))
