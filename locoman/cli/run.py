"""Runs a click command as a program: errors become a sentence and an exit code, an interrupt becomes 130."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from locoman.cli.output import Mode, Output

INTERRUPTED = 130


def run(command: click.Command) -> NoReturn:
    """Runs `command` on sys.argv and exits."""
    from locoman.errors import LocomanError

    # Read ahead of click, so that errors in the command line itself are told as asked.
    out = Output(Mode.JSON if "--json" in sys.argv[1:] else Mode.PERSON)
    try:
        code = command.main(prog_name="locoman", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx else "locoman"
        out.error(error.format_message(), f"{asked} --help", 2)
        sys.exit(2)
    except click.ClickException as error:
        out.error(error.format_message(), "locoman --help", 2)
        sys.exit(2)
    except LocomanError as error:
        from locoman.cli.errors import advise

        next_step, code = advise(error)
        out.error(str(error), next_step, code)
        sys.exit(code)
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; keep Python from complaining about it when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
