"""Seeded faults under load: kills of the engine and of clients, cuts, garbage. No wrong answer, nothing left behind."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from support.host_faults import MODELS, run_faults
from support.tiny_host import tiny_base

from benches.figure import Figure
from benches.hosts import running_host


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-faults-") as name:
        folder = Path(name)
        base = tiny_base(folder / "models", MODELS[1:])
        begun = time.perf_counter()
        with running_host(folder / "home", base, max_slots=3) as home:
            tally = run_faults(home, arguments.rounds, arguments.seed, tell=_counter(arguments.rounds))
    for line in (*tally.wrong, *tally.unanswered, *tally.leaks):
        print(line, file=sys.stderr)
    for kind, count in sorted(tally.faults.items()):
        yield Figure("faults", kind, "times", count)
    yield Figure("faults", "answers meanwhile", "", tally.answers)
    yield Figure("faults", "of these asked again after a fault", "tries", tally.retried)
    yield Figure("faults", "seconds", "s", time.perf_counter() - begun)
    for metric, found in (("wrong answers", tally.wrong), ("unanswered", tally.unanswered), ("leaks", tally.leaks)):
        yield Figure("faults", metric, "", len(found), goal="0", met=not found)


def _counter(total: int):  # type: ignore[no-untyped-def]
    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} faults", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell
