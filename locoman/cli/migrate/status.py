"""locoman migrate status"""

from __future__ import annotations

from msgspec import to_builtins

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.migrate.check import show, verdict_document
from locoman.cli.output import Output
from locoman.workflows.migration.status import MigrationStatus, read_status


@make("status")
def command(app: App, out: Output) -> None:
    """Show where the change of base stands and what comes next.

    \b
    Example:
      locoman migrate status
    """
    status = read_status(app.home, app.today)
    if status is None:
        out.result({"migration": None}, lambda: out.line("No change of base was ever announced here."))
        return
    document = {
        "migration": to_builtins(status.migration),
        "adapters": [verdict_document(item) for item in status.checked],
        "next": status.next,
        "warnings": list(status.warnings),
    }
    out.result(document, lambda: _print(out, status))


def _print(out: Output, status: MigrationStatus) -> None:
    migration = status.migration
    out.line(f"{migration.old} -> {migration.new}: {migration.phase}")
    out.line(
        f"Announced {migration.announced}, takes effect {migration.effective}, old base until {migration.support_ends}"
    )
    if migration.reason:
        out.line(f"Reason    {migration.reason}")
    if migration.fallback:
        out.line(f"Fallback  {', '.join(migration.fallback.values())} (from {migration.old})")
    for override in migration.overrides:
        out.line(f"Override  {override}")
    if migration.open and any(item.known for item in status.checked):
        show(out, status.checked)
    for warning in status.warnings:
        out.line(f"Warning   {warning}")
    out.line(f"Next: {status.next}")
