"""locoman serve"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output

if TYPE_CHECKING:
    from locoman.engines.host.audience import Access
    from locoman.workflows.serve import ServePlan


@make("serve")
@click.option("--host", help="Address to listen on (setting serve.host); 0.0.0.0 is every address.")
@click.option("--port", type=int, help="Port to listen on (setting serve.port); 0 is any free one.")
@click.option(
    "--key", help="Key that clients must send (better in the setting serve.key: others can see what is typed here)."
)
@click.option("--new-key", is_flag=True, help="Make a new key and show it.")
@click.option("--name", "names", multiple=True, help="Another host name by which clients call; may be repeated.")
def command(
    app: App, out: Output, host: str | None, port: int | None, key: str | None, new_key: bool, names: tuple[str, ...]
) -> None:
    """Answer OpenAI and Ollama clients in the foreground until Ctrl-C.

    On this machine alone no key is needed unless one is given; on a network one must be.

    \b
    Examples:
      locoman serve
      locoman serve --port 8000 --key mine-alone
      locoman serve --host 0.0.0.0 --new-key
    """
    from locoman.workflows.serve import plan_serving

    settings = app.settings
    plan = plan_serving(
        settings.text("serve.host") if host is None else host,
        settings.number("serve.port") if port is None else port,
        ("" if new_key else settings.text("serve.key")) if key is None else key,
        new_key,
        names,
    )
    app.serve(plan, _Watcher(out, plan, new_key))


class _Watcher:
    """Shows a person where the host answers, and each request without its contents."""

    def __init__(self, out: Output, plan: ServePlan, new_key: bool) -> None:
        self._out = out
        self._plan = plan
        self._new_key = plan.key if new_key else None

    def ready(self, url: str) -> None:
        """Prints the addresses; the only thing on stdout."""
        document = {"url": url, "openai": f"{url}/v1", "ollama": url, "key": self._new_key}
        self._out.result(document, lambda: self._out.lines(self._lines(url)))

    def accessed(self, access: Access) -> None:
        """Writes a line of the log; one that nobody takes is lost."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):
            self._out.note(
                f"{moment} {access.client} {access.method} {access.path} {access.status} "
                f"{access.milliseconds:.0f} ms {access.bytes} bytes"
            )

    def _lines(self, url: str) -> list[str]:
        key = [f"Key: {self._new_key}"] if self._new_key else []
        return [f"OpenAI clients: {url}/v1", f"Ollama clients: OLLAMA_HOST={url}", *key, "Ctrl-C stops."]
