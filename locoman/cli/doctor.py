"""locoman doctor"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.doctor import examine


@make("doctor")
@click.option("--deep", is_flag=True, help="Also read every installed file and compare its digest.")
def command(app: App, out: Output, deep: bool) -> None:
    """Check this installation and say how to mend it.

    \b
    Examples:
      locoman doctor
      locoman doctor --deep
    """
    checks = tuple(examine(app.home, app.shelf, app.ollama_url, app.engine, deep=deep))
    ok = all(check.ok for check in checks)
    document = {
        "ok": ok,
        "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in checks],
    }

    def render() -> None:
        for check in checks:
            out.line(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<10} {check.detail}")
            if not check.ok and check.fix:
                out.line(f"      next: {check.fix}")

    out.result(document, render)
    if not ok:
        out.fall_short("Something is wrong.", "see the lines marked FAIL")
