"""locoman adapter new"""

from __future__ import annotations

from pathlib import Path

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.names import BaseRef
from locoman.workflows.authoring.new import execute_new, plan_new


@make("new")
@click.argument("name")
@click.option("--base", metavar="NAME", help="The base it is for (default: the one in use).")
@click.option("--domain", metavar="DOMAIN", default="", help="What it is for (default: its name).")
@click.option("--folder", type=click.Path(path_type=Path), help="Where it goes (default: NAME, in this folder).")
@click.option("--dry-run", is_flag=True, help="Show what would be written and stop.")
def new(
    app: App, out: Output, name: str, base: str | None, domain: str, folder: Path | None, dry_run: bool
) -> None:  # fmt: skip
    """Begin an adapter of your own: a folder with a recipe, and example lines to be replaced by real ones.

    Fill train.jsonl, eval.jsonl and routing.jsonl as its README.md says; `locoman adapter check` names what is still missing.

    \b
    Example:
      locoman adapter new fractions --base loco-tiny --domain fractions
    """
    plan = plan_new(app.home, app.shelf, name, BaseRef.parse(base) if base else None, domain, folder)
    if not dry_run:
        execute_new(plan)
    document = {"folder": str(plan.folder), "base": plan.base, "files": list(plan.texts), "written": not dry_run}
    said = [f"{plan.folder}  {'would be' if dry_run else 'is'} a package for {plan.base}: {', '.join(plan.texts)}"]
    said += [] if dry_run else [f"Next: fill it as its README.md says, then locoman adapter check {plan.folder}"]
    out.result(document, lambda: out.lines(said))
