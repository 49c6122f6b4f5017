"""locoman status"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.status import Status, status_of


@make("status")
def command(app: App, out: Output) -> None:
    """Compare what is installed with what Ollama has, and name every difference.

    \b
    Example:
      locoman status
    """
    status = status_of(app.home, app.shelf, app.ollama())
    out.result(_describe(status), lambda: out.lines(_lines(status)))


def _describe(status: Status) -> dict[str, Any]:
    return {
        "ok": status.ok,
        "base": status.base,
        "adapters": list(status.adapters),
        "ollama": {
            "url": status.url,
            "version": status.version,
            "strategy": status.strategy,
            "problem": status.problem,
        },
        "models": list(status.models),
        "differences": [
            {"kind": d.kind, "subject": d.subject, "sentence": d.sentence, "fix": d.fix} for d in status.differences
        ],
    }


def _lines(status: Status) -> Iterator[str]:
    yield f"Base      {status.base or 'none'}"
    yield f"Adapters  {', '.join(status.adapters) or 'none'}"
    if status.problem:
        yield f"Ollama    {status.problem}"
    else:
        yield f"Ollama    {status.version} at {status.url}, strategy {status.strategy or 'none yet (locoman sync)'}"
    yield from (f"Model     {tag}" for tag in status.models)
    for difference in status.differences:
        yield f"Differs   {difference.sentence}"
        yield f"          next: {difference.fix}"
    if status.ok and not status.problem:
        yield "All is in step."
