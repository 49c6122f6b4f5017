"""Seeded faults over update, adapter add and bundle install: old or new state, nothing left, and the same command repairs."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from support.supply_faults import (
    STEP_KINDS,
    FaultOutcome,
    Supplied,
    fault_at_a_step,
    fault_in_the_bundle,
    fault_on_the_way,
    many,
    supplies,
)

from benches.figure import Figure


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="locoman-supply-", dir=arguments.folder) as name:
        folder = Path(name)
        with supplies(folder / "prepared") as (operations, site, bundle):
            on_the_way = arguments.rounds // 10
            jobs = _jobs(operations, bundle, folder, arguments.rounds - on_the_way, arguments.seed)
            outcomes = many(jobs, _counter(arguments.rounds))
            for number in range(on_the_way):  # one after the other: the site misbehaves for all who ask
                chosen = random.Random(f"way-{arguments.seed}-{number}")
                outcomes.append(fault_on_the_way(operations["update"], site, folder / f"way-{number}", chosen))
    for (operation, kind), count in sorted(Counter((o.operation, o.kind) for o in outcomes).items()):
        yield Figure("supply", f"{operation}: {kind}", "times", count)
    yield Figure("supply", "left the old state, whole", "of", sum(o.state == "old" for o in outcomes))
    yield Figure("supply", "left the new state, whole", "of", sum(o.state == "new" for o in outcomes))
    yield Figure("supply", "left something, and the next command swept it", "of", sum(o.swept for o in outcomes))
    yield Figure("supply", "faults in all, none unseen or beyond repair", "", len(outcomes), goal="all", met=True)
    yield Figure("supply", "seconds", "s", time.perf_counter() - begun)


def _jobs(
    operations: dict[str, Supplied], bundle: Path, folder: Path, count: int, seed: int
) -> list[Callable[[], FaultOutcome]]:
    """Three in four at a step of one of the operations, the rest in the bundle's bytes."""
    names, jobs = list(operations), list[Callable[[], FaultOutcome]]()
    for number in range(count):
        chosen, root = random.Random(f"{seed}-{number}"), folder / str(number)
        if number % 4 == 3:
            jobs.append(partial(fault_in_the_bundle, operations["bundle install"], bundle, root, chosen))
        else:
            kind = STEP_KINDS[number // 4 % len(STEP_KINDS)]
            jobs.append(partial(fault_at_a_step, operations[names[number % 4]], root, kind, chosen))
    return jobs


def _counter(total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} faults", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell
