"""locoman migrate plan"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from msgspec import to_builtins

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.sizes import megabytes
from locoman.workflows.migration.outline import Outline, plan_migration


@make("plan")
def command(app: App, out: Output) -> None:
    """Show what the change of base takes: downloads, room, memory, cases to ask and the time they need.

    \b
    Example:
      locoman migrate plan
    """
    outline = plan_migration(app.home, app.shelf, app.providers())
    document: dict[str, Any] = asdict(outline) | {"migration": to_builtins(outline.migration)}
    out.result(document, lambda: out.lines(_lines(outline)))


def _lines(outline: Outline) -> Iterator[str]:
    migration = outline.migration
    yield f"Change    {migration.old} -> {migration.new}, from {migration.effective}"
    yield f"Download  {megabytes(outline.download_bytes)}"
    yield f"Disk      {megabytes(outline.disk_bytes)} more; {megabytes(outline.disk_free)} free"
    yield f"Memory    {megabytes(outline.memory_bytes)} while the new base answers"
    yield f"Adapters  {', '.join(outline.adapters) or 'none'}"
    if outline.without_cases:
        yield f"          without an evaluation set, so nothing can be shown: {', '.join(outline.without_cases)}"
    yield f"Check     {outline.cases} cases to ask at most, some {max(1, round(outline.seconds / 60))} min"
    yield "Next: locoman migrate check"
