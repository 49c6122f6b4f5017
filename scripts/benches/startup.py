"""What the shell waits for: `locoman --help` and a second `ask`, each beside `python -c pass`, in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from benches.figure import Figure
from benches.home import locoman, tiny_home

RUNS = 15
HELP_GOAL_MS = 120.0
ASK_GOAL_MS = 600.0


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    bare = [sys.executable, "-c", "pass"]
    help_ms, bare_ms = _pair([sys.executable, "-m", "locoman", "--help"], bare)
    more = help_ms - bare_ms
    yield Figure("startup", "locoman --help", "ms", help_ms, "python -c pass", bare_ms)
    yield Figure(
        "startup", "locoman --help, more than bare", "ms", more, goal=f"<= {HELP_GOAL_MS:g}", met=more <= HELP_GOAL_MS
    )
    with tiny_home() as home:
        ask = locoman(home, "ask", "What is 17 + 25?", "--json")
        first = _milliseconds(ask)
        answer = json.loads(subprocess.run(ask, check=True, capture_output=True, text=True).stdout)
        assert (answer["adapter"], answer["answer"]) == ("arithmetic", "42"), answer
        second, bare_ms = _pair(ask, bare)
        yield Figure("startup", "first ask (starts the host)", "ms", first)
        yield Figure(
            "startup",
            "second ask",
            "ms",
            second,
            "python -c pass",
            bare_ms,
            f"<= {ASK_GOAL_MS:g}",
            second <= ASK_GOAL_MS,
        )


def _pair(command: Sequence[str], peer: Sequence[str]) -> tuple[float, float]:
    """Medians of both, run in turns so that a machine's mood hits both."""
    rows = [(_milliseconds(command), _milliseconds(peer)) for _ in range(RUNS)]
    return statistics.median(row[0] for row in rows), statistics.median(row[1] for row in rows)


def _milliseconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000
