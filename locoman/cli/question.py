"""Commands that take a question, which may begin with "-" as in "-5 + 3", or come on standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import click

from locoman.errors import UsageError
from locoman.workflows.ask import MAX_QUESTION_BYTES

_NO_OPTION = re.compile(r"-[^-A-Za-z]")  # no option of ours begins so
_SHIELD = "\0"  # stands in no argument that a system hands over


class QuestionCommand(click.Command):
    """A command for which "-5", "- 5" and "-(2 + 3)" are words of a question; what looks like an option is one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, with such words hidden from its parser."""
        try:
            rest = super().parse_args(ctx, list(self._shielded(args)))
        except click.NoSuchOption as error:
            hint = 'A question that begins with "-" goes behind "--".'
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from error
        for name, value in ctx.params.items():
            if isinstance(value, tuple):
                ctx.params[name] = tuple(_bare(item) for item in value)
        return rest

    def _shielded(self, args: list[str]) -> Iterator[str]:
        taking = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag and not option.count
            for name in option.opts
        }
        before = ""
        for place, arg in enumerate(args):
            if arg == "--":
                yield from args[place:]
                return
            yield _SHIELD + arg if before not in taking and _NO_OPTION.match(arg) else arg
            before = arg


def _bare(item: object) -> object:
    return item.removeprefix(_SHIELD) if isinstance(item, str) else item


def read_stdin(limit: int = MAX_QUESTION_BYTES, what: str = "The question is") -> str:
    """What comes on standard input, as UTF-8 of at most `limit` bytes. Raises UsageError."""
    if sys.stdin.isatty():
        raise UsageError('There is no question: type it in quotes, as in locoman ask "What is 17 + 25?".')
    data = sys.stdin.buffer.read(limit + 1)
    if len(data) > limit:
        raise UsageError(f"{what} longer than {limit >> 20} MiB.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} not UTF-8 text (byte {error.start + 1}).") from error
