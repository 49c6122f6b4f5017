"""locoman update, locoman adapter update"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.adapter.plans import carry_out
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.add import plan_update
from locoman.workflows.offers import ask_sources


@make("update")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--from", "sources", multiple=True, metavar="FOLDER|URL|BUNDLE", help="Only this source (repeatable).")
@click.option("--check", is_flag=True, help="Only say what is newer.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def command(
    app: App, out: Output, names: tuple[str, ...], sources: tuple[str, ...], check: bool, dry_run: bool
) -> None:
    """Bring adapters to their newest versions (all that answer on the base in use, unless some are named).

    The version that answered before stays installed: `locoman adapter rollback NAME` goes back to it.

    \b
    Examples:
      locoman update --check
      locoman update
      locoman update words --from https://adapters.example.org/index.json
    """
    plan = plan_update(app.home, ask_sources(app.sources(sources)), names)
    carry_out(app, out, plan, dry_run=check or dry_run, nothing="Nothing newer was found.")
