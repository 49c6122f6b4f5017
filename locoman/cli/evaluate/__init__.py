"""locoman eval: a table of contents."""

from __future__ import annotations

from locoman.cli.command import group
from locoman.cli.evaluate.compare import compare
from locoman.cli.evaluate.importing import import_
from locoman.cli.evaluate.listing import list_, show
from locoman.cli.evaluate.report import report
from locoman.cli.evaluate.run import run

command = group("eval", "Evaluate adapters and bases, and compare what came of it.", "eval list", "eval run arithmetic")
for _each in (list_, run, show, compare, report, import_):
    command.add_command(_each)
