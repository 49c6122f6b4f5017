"""locoman host: the process that `ask` starts in the background."""

from __future__ import annotations

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output


@make("host", hidden=True)
def command(app: App, out: Output) -> None:
    """Run this home's host in the foreground until it is stopped or idle for engine.keep_alive seconds."""
    app.serve_host()
