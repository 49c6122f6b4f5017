"""locoman adapter check"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.workflows.authoring.check import Criticism, check_package

_WORDS = {"error": "error  ", "warning": "warning"}


@make("check")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(app: App, out: Output, folder: Path) -> None:
    """Name all that is missing or wrong in a package, with file and line.

    Counts, empty and repeated lines, evaluation questions that also stand in the training set, the base's fingerprint, the
    weights, the gate, the licence, questions for the router, keywords that belong to another adapter. Exit code 3 where
    it falls short.

    \b
    Example:
      locoman adapter check ./fractions
    """
    criticism = check_package(folder, app.home, app.shelf)
    out.result(describe(criticism), lambda: out.lines(lines(criticism)))
    if criticism.errors:
        count = len(criticism.errors)
        next_step = "put these right, then the same command again"
        if all(finding.file.startswith("weights/") for finding in criticism.errors):
            next_step = f"locoman adapter train {folder}"
        out.fall_short(
            f"{folder} is not whole yet: {count} {'thing' if count == 1 else 'things'} to put right.", next_step
        )


def describe(criticism: Criticism) -> dict[str, Any]:
    """The criticism as --json prints it."""
    return {
        "folder": str(criticism.folder),
        "adapter": str(criticism.package.manifest.ref) if criticism.package else None,
        "ok": not criticism.errors,
        "findings": [
            {"level": finding.level, "file": finding.file, "line": finding.line, "detail": finding.sentence}
            for finding in criticism.findings
        ],
    }


def lines(criticism: Criticism) -> Iterator[str]:
    """The criticism as a person reads it."""
    for finding in criticism.findings:
        yield f"{_WORDS[finding.level]}  {finding}"
    if not criticism.errors and criticism.package is not None:
        yield f"{criticism.package.manifest.ref} is whole."
