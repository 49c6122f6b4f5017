"""locoman migrate announce"""

from __future__ import annotations

from collections.abc import Iterator

import click
from msgspec import to_builtins

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.migration.calendar import Semester
from locoman.names import BaseRef
from locoman.workflows.migration.announce import AnnouncePlan, execute_announce, plan_announce


@make("announce")
@click.argument("base")
@click.option("--reason", default="", help="Why the base changes; it stands in the announcement.")
@click.option("--semester", metavar="YEAR-TERM", help="When it takes effect (default: the next semester).")
@click.option(
    "--override", default="", metavar="REASON", help="Set the calendar's and the size's rules aside, and say why."
)
@click.option("--dry-run", is_flag=True, help="Show what would be announced and stop.")
def command(app: App, out: Output, base: str, reason: str, semester: str | None, override: str, dry_run: bool) -> None:
    """Announce a change of the base in use to BASE, one semester ahead.

    \b
    Examples:
      locoman migrate announce loco-tiny-next --reason "It counts better." --dry-run
      locoman migrate announce loco-tiny-next --semester 2027-autumn
    """
    wanted = Semester.parse(semester) if semester else None
    plan = plan_announce(
        app.home, app.shelf, app.calendar, app.today, BaseRef.parse(base), semester=wanted, reason=reason
    )
    document = {
        "announced": not dry_run,
        "migration": to_builtins(plan.migration),
        "hurdles": [{"rule": h.rule, "sentence": h.sentence, "final": h.final} for h in plan.hurdles],
    }
    if not dry_run:
        document["migration"] = to_builtins(execute_announce(app.home, plan, override))
    out.result(document, lambda: out.lines(_lines(plan, dry_run)))


def _lines(plan: AnnouncePlan, dry_run: bool) -> Iterator[str]:
    migration = plan.migration
    yield f"{'Would announce' if dry_run else 'Announced'}: {migration.old} -> {migration.new}, with {plan.semester}."
    yield f"Takes effect   {migration.effective}"
    yield f"Old base kept  until {migration.support_ends}"
    yield from (f"Stands against it: {hurdle.sentence}" for hurdle in plan.hurdles)
    if not dry_run:
        yield "Next: locoman migrate plan"
