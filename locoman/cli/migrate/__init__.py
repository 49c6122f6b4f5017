"""locoman migrate: a table of contents."""

from __future__ import annotations

from locoman.cli.command import group
from locoman.cli.migrate.announce import command as announce
from locoman.cli.migrate.apply import command as apply
from locoman.cli.migrate.check import command as check
from locoman.cli.migrate.ending import retire, rollback
from locoman.cli.migrate.plan import command as plan
from locoman.cli.migrate.prepare import command as prepare
from locoman.cli.migrate.report import command as report
from locoman.cli.migrate.status import command as status

command = group(
    "migrate", "Change the standard base once a year: planned, proven, reversible.", "migrate status", "migrate plan"
)
for _each in (announce, plan, check, prepare, apply, rollback, status, report, retire):
    command.add_command(_each)
