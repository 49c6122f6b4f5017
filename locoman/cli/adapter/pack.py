"""locoman adapter pack"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.adapter.check import describe, lines
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.authoring.check import check_package
from locoman.workflows.authoring.pack import execute_pack, plan_pack


@make("pack")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--out", "-o", "target", type=click.Path(path_type=Path), help="The file (default: NAME-VERSION-BASE.zip)."
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--dry-run", is_flag=True, help="Show what would be written and stop.")
def pack(app: App, out: Output, folder: Path, target: Path | None, force: bool, dry_run: bool) -> None:
    """Pack a package into one file that can be added, mailed or put on a web server.

    What `locoman adapter check` finds wrong is not packed. The same package gives the same bytes.

    \b
    Example:
      locoman adapter pack ./fractions -o fractions.zip
    """
    criticism = check_package(folder, app.home, app.shelf)
    if criticism.errors or criticism.package is None:
        out.notes(lines(criticism))
        out.result(describe(criticism) | {"written": False}, lambda: None)
        out.fall_short(f"{folder} is not whole, so it is not packed.", f"locoman adapter check {folder}")
    plan = plan_pack(criticism.package, target, force=force)
    document: dict[str, Any] = {"folder": str(folder), "file": str(plan.target), "bytes": plan.bytes, "written": False}
    if dry_run:
        out.result(document, lambda: out.line(f"{plan.target}  would be written, at most {megabytes(plan.bytes)}"))
        return
    packed = execute_pack(plan)
    document |= {"bytes": packed.bytes, "sha256": packed.sha256, "written": True}
    said = [f"{packed.path}  {megabytes(packed.bytes)}, sha256 {packed.sha256}"]
    said.append(f"Next: locoman adapter add {packed.path}, or give the file to others")
    out.result(document, lambda: out.lines(said))
