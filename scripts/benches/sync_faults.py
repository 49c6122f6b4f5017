"""Seeded faults in the middle of a sync or a pull: seen by status, mended by the next sync, nothing of others touched."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from support.sync_faults import run_sync_faults

from benches.figure import Figure
from benches.home import tiny_home


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {arguments.rounds} faults", end="", file=sys.stderr, flush=True)

    begun = time.perf_counter()
    with tiny_home() as home, tempfile.TemporaryDirectory(prefix="locoman-sync-", dir=arguments.folder) as name:
        outcomes = list(run_sync_faults(Path(name), home, arguments.rounds, arguments.seed, tell))
    for fault, count in sorted(Counter(outcome.fault for outcome in outcomes).items()):
        yield Figure("sync_faults", fault, "times", count)
    yield Figure("sync_faults", "of these the sync failed", "times", sum(outcome.failed for outcome in outcomes))
    yield Figure("sync_faults", "of these status saw a difference", "times", sum(bool(o.seen) for o in outcomes))
    yield Figure("sync_faults", "seconds", "s", time.perf_counter() - begun)
    # An AssertionError ends the benchmark where one is not so.
    yield Figure("sync_faults", "seen, mended, nothing of others touched", "", len(outcomes), goal="all", met=True)
