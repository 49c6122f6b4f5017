"""locoman stop"""

from __future__ import annotations

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output


@make("stop")
def command(app: App, out: Output) -> None:
    """Stop the host and free its memory; the next question starts it again.

    \b
    Example:
      locoman stop
    """
    stopped = app.stop_host()
    out.result({"stopped": stopped}, lambda: out.line("Stopped." if stopped else "Nothing was running."))
