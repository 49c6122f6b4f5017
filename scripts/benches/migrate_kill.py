"""SIGKILL at random instants of a change of base, announce to retire: no mixed state, and the same command goes on."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from support.migration_kills import prepare, rounds

from benches.figure import Figure


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {arguments.rounds} kills", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="locoman-migrate-", dir=arguments.folder) as name:
        folder = Path(name)
        kills = rounds(prepare(folder / "prepared"), folder, arguments.rounds, arguments.seed, tell)
    killed = [kill for kill in kills if kill.killed]
    for step, count in sorted(Counter(kill.step for kill in killed).items()):
        yield Figure("migrate_kill", f"{step}: kills that came in time", "of", count)
    yield Figure("migrate_kill", "of these after the commit", "of", sum(kill.reached for kill in killed))
    # An AssertionError ends the benchmark where one is not so.
    yield Figure("migrate_kill", "unmixed, and came to its end", "of", len(kills), goal="all", met=True)
