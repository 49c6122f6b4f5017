"""locoman base: a table of contents."""

from __future__ import annotations

from locoman.cli.base.add import add
from locoman.cli.base.compare import compare
from locoman.cli.base.evaluate import evaluate
from locoman.cli.base.listing import list_, remove, show, use
from locoman.cli.base.pick import pick
from locoman.cli.command import group

command = group("base", "List, add, compare, evaluate, choose and remove base models.", "base list", "base compare")
for _each in (list_, show, add, compare, pick, evaluate, use, remove):
    command.add_command(_each)
