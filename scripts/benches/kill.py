"""SIGKILL at random instants of install, activate and remove: old or new state, and the next command cleans up."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from support.kills import operations, rounds

from benches.figure import Figure
from locoman.catalog.shelf import shipped


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-kill-") as name:
        folder = Path(name)
        for operation in operations(folder / "prepared", shipped("adapters")).values():
            tell = _counter(operation.name, arguments.rounds)
            outcomes = rounds(operation, folder, arguments.rounds, arguments.seed, tell)
            killed = [outcome for outcome in outcomes if outcome.killed]
            yield Figure(
                "kill", f"{operation.name}: kills that left a valid state", "of", len(killed), goal="all", met=True
            )
            yield Figure(
                "kill", f"{operation.name}: of these in the old state", "of", sum(o.state == "old" for o in killed)
            )
            yield Figure(
                "kill", f"{operation.name}: of these with something to clean up", "of", sum(o.cleaned for o in killed)
            )


def _counter(name: str, total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{name}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell
