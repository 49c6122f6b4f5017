"""locoman stop"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.sizes import megabytes


@make("stop")
@click.option("--ollama", is_flag=True, help="Also make Ollama free the bases installed here, which it may hold too.")
def command(app: App, out: Output, ollama: bool) -> None:
    """Stop the host and free its memory; the next question starts it again.

    \b
    Examples:
      locoman stop
      locoman stop --ollama
    """
    stopped = app.stop_host()
    freed = app.held_by_ollama() if ollama else ()
    if freed:
        from locoman.workflows.held import let_go

        let_go(app.ollama_url, freed)

    def render() -> None:
        out.line("Stopped." if stopped else "Nothing was running.")
        for held in freed:
            out.line(f"Ollama lets go of {held.tag}, {megabytes(held.bytes)}.")

    out.result({"stopped": stopped, "freed": [held.tag for held in freed]}, render)
