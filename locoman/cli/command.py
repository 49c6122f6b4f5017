"""What every command has in common: --json, --quiet, --home, and the report of what a killed process had left behind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.output import Mode, Output
from locoman.errors import UsageError

Body = Callable[..., None]
_HELP = {"help_option_names": ["-h", "--help"]}


def command(
    name: str, *, into: click.Group | None = None, hidden: bool = False, kind: type[click.Command] = click.Command
) -> Callable[[Body], click.Command]:
    """Makes a command (of the group `into`) of a function that takes an App, an Output and the command's own arguments."""

    def wrap(body: Body) -> click.Command:
        @functools.wraps(body)
        def call(as_json: bool, quiet: bool, home: Path | None, **arguments: Any) -> None:
            out = Output(Mode.JSON if as_json else Mode.QUIET if quiet else Mode.PERSON)
            try:
                with App.load(home) as app:
                    _recover(app, out)
                    body(app, out, **arguments)
            except UsageError as error:
                error.remedy = error.remedy or f"{click.get_current_context().command_path} --help"
                raise

        made: click.Command = click.command(name, cls=kind, context_settings=_HELP, hidden=hidden)(call)
        made.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object and nothing else."),
            click.Option(["--quiet", "-q"], is_flag=True, help="Print results only."),
            click.Option(["--home"], type=click.Path(path_type=Path), help="Use this folder instead of LOCOMAN_HOME."),
        ]
        if into is not None:
            into.add_command(made)
        return made

    return wrap


def group(name: str, help: str, *examples: str) -> click.Group:
    """A group of commands about one noun; `examples` are lines without the program's name."""
    lines = "\n".join(f"  locoman {example}" for example in examples)
    return click.Group(name, help=f"{help}\n\n\b\nExamples:\n{lines}", context_settings=_HELP)


def _recover(app: App, out: Output) -> None:
    """Cleans up after a killed process, and says so."""
    if not (app.home.staging.is_dir() and any(app.home.staging.iterdir())):
        return
    from locoman.store.transaction import recover

    cleaned = recover(app.home)
    if cleaned:
        out.note(f"Cleaned up what an interrupted command left behind: {', '.join(cleaned)}.")
