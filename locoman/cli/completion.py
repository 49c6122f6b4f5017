"""locoman completion"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@make("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(app: App, out: Output, shell: str) -> None:
    """Print a shell's completion script.

    \b
    Examples:
      locoman completion bash >> ~/.bashrc
      locoman completion zsh >> ~/.zshrc
      locoman completion fish > ~/.config/fish/completions/locoman.fish
    """
    from click.shell_completion import get_completion_class

    from locoman.cli.main import cli

    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f"There is no completion for {shell}.")
    script = found(cli, {}, "locoman", "_LOCOMAN_COMPLETE").source()
    out.result({"shell": shell, "script": script}, lambda: out.line(script))
