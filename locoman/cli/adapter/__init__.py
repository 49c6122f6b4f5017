"""locoman adapter: a table of contents."""

from __future__ import annotations

from locoman.cli.adapter.add import add
from locoman.cli.adapter.check import check
from locoman.cli.adapter.index import index
from locoman.cli.adapter.listing import activate, list_, rollback, show
from locoman.cli.adapter.new import new
from locoman.cli.adapter.pack import pack
from locoman.cli.adapter.search import search
from locoman.cli.adapter.train import train
from locoman.cli.adapter.update import command as update
from locoman.cli.command import group
from locoman.cli.remove import command as remove

command = group(
    "adapter",
    "Find, add, update and choose adapters, and make your own.",
    "adapter list",
    "adapter search",
    "adapter add words",
)
for _each in (list_, show, search, add, update, activate, rollback, remove, index, new, check, train, pack):
    command.add_command(_each)
