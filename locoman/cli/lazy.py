"""A click group whose commands are imported when they are used, so that help costs no imports."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click

from locoman import __version__


class Entry(NamedTuple):
    """A command in the table of contents: `module` defines it under the name `command`."""

    name: str
    module: str
    summary: str
    hidden: bool = False


class LazyGroup(click.Group):
    """The root group; `entries` in the order of help."""

    def __init__(self, name: str, entries: tuple[Entry, ...], help: str) -> None:
        super().__init__(name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._entries = {entry.name: entry for entry in entries}
        click.version_option(__version__, message="%(prog)s %(version)s")(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return [entry.name for entry in self._entries.values() if not entry.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of the command."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = importlib.import_module(entry.module).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the nearest command named when there is no such one."""
        if args and args[0] not in self._entries and not args[0].startswith("-"):
            from locoman.names import nearest

            close = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise click.UsageError(f"There is no command called {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of contents, from the summaries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.summary) for entry in self._entries.values() if not entry.hidden])
