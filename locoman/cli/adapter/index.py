"""locoman adapter index"""

from __future__ import annotations

from pathlib import Path

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.index_packages import archive_name, execute_index, plan_index

_FOLDER = click.Path(path_type=Path, file_okay=False)


@make("index")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", "-o", "target", type=_FOLDER, help="Where the archives and index.json go (default: DIR).")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def index(app: App, out: Output, folder: Path, target: Path | None, dry_run: bool) -> None:
    """Make a folder of packages a source that any web server can offer.

    Each package is packed into an archive, and index.json lists them with their sizes and sha256. The same packages give the
    same bytes.

    \b
    Example:
      locoman adapter index ./adapters --out ./site
    """
    plan = plan_index(folder, target)
    names = [archive_name(package) for package in plan.packages]
    document = {"folder": str(plan.target), "archives": names, "bytes": plan.bytes, "written": False}
    if dry_run:
        rows = [*names, f"in {plan.target}, at most {megabytes(plan.bytes)}"]
        out.result(document, lambda: out.lines(rows))
        return
    with out.stages() as stages:
        execute_index(plan, stages)
    said = f"{plan.target / 'index.json'} lists {len(names)} packages; put the folder on a web server with https."
    out.result(document | {"written": True}, lambda: out.line(said))
