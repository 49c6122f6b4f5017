"""locoman adapter add"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.adapter.plans import carry_out
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.names import AdapterRef, BaseRef
from locoman.workflows.add import plan_add
from locoman.workflows.offers import ask_sources


@make("add")
@click.argument("names", nargs=-1, required=True, metavar="NAME[@VERSION]...")
@click.option("--from", "sources", multiple=True, metavar="FOLDER|URL|BUNDLE", help="Only this source (repeatable).")
@click.option("--base", metavar="NAME", help="The base to add it to (default: the one in use).")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def add(
    app: App, out: Output, names: tuple[str, ...], sources: tuple[str, ...], base: str | None, dry_run: bool
) -> None:
    """Add adapters, by their names, from the sources that are known or from one that is named.

    Versions stand side by side; the one added last answers.

    \b
    Examples:
      locoman adapter add words
      locoman adapter add words@1.0.0 --from ./adapters
      locoman adapter add words --from https://adapters.example.org/index.json
    """
    refs = tuple(AdapterRef.parse(name) for name in names)
    offers = ask_sources(app.sources(sources))
    plan = plan_add(app.home, offers, refs, BaseRef.parse(base) if base else None)
    carry_out(app, out, plan, dry_run=dry_run, nothing=f"{', '.join(names)}: installed already, and answering.")
