"""docs/commands.md: the help of every command, as `locoman COMMAND --help` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from locoman.cli.main import cli

PATH = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """# Commands

Generated from the commands' own help by `scripts/docs`. Every command also takes `--json` (one object on standard output and
nothing else), `--quiet` (results only) and `--home FOLDER` (instead of LOCOMAN_HOME). Exit codes: 0 done, 1 failed, 2 usage,
3 a check fell short, 4 something needed is missing, 130 interrupted.
"""


def render() -> str:
    """The page."""
    sections = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in _helps(cli, "locoman", None)]
    return HEAD + "\n" + "\n".join(sections)


def write() -> None:
    """Renews the page."""
    PATH.write_text(render(), encoding="utf-8")


def _helps(command: click.Command, path: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    # The command's own settings too: click remembers the help option of whichever context was first.
    sizes = {"terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, info_name=path.split()[-1], parent=parent, **sizes, **command.context_settings)
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _helps(found, f"{path} {name}", context)
