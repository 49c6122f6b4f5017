"""What the host adds to its llama.cpp: the same questions to a host and to a plain llama.cpp server with the same
parameters, in turns. One stream (to the first token, tokens per second), and 16 streams at once on a tiny base (throughput)."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.tiny_host import tiny_base

from benches.asking import Answer, Client
from benches.figure import Figure, at_least
from benches.hosts import client, running_host
from benches.llama_server import llama_server
from benches.subjects import make_subject
from locoman.contracts import ServedBase
from locoman.engines.host.desk import physical_cores

FIRST_GOAL_MS = 5.0
SPEED_GOAL = 0.98
THROUGHPUT_GOAL = 0.85
STREAMS = 16
_TURNS = 9
ROUNDS = {"tiny": 60}
LARGE_ROUNDS = 8
_AGAIN = 6
TOKENS = 48


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Somebody who is asked question number n."""

    client: Client
    fields: dict[str, Any]

    def ask(self, number: int) -> Answer:
        return self.client.ask(_question(number), **self.fields)

    def first(self, number: int) -> float:
        """Seconds to the first token."""
        return self.client.ask(_question(number), **self.fields | {"max_tokens": 1}).first

    def drain(self, number: int) -> int:
        return self.client.drain(_question(number), **self.fields)


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-overhead-", dir=arguments.folder) as name:
        folder = Path(name)
        threads = 1 if arguments.shape == "tiny" else physical_cores()
        subject = make_subject(folder / "subject", arguments.shape, 2, arguments.seed)
        yield from _one_stream(folder, subject, threads, ROUNDS.get(arguments.shape, LARGE_ROUNDS), arguments.shape)
        yield from _many_streams(
            folder, tiny_base(folder / "tiny", ("alpha", "beta"), context=8192), arguments.requests
        )


@contextmanager
def _both(folder: Path, base: ServedBase, threads: int, slots: int) -> Iterator[tuple[_Asked, _Asked]]:
    """A host and a plain server with the same files and parameters, and how each is asked question number n."""
    options = {"threads": threads, "max_slots": slots, "queue_limit": 4 * STREAMS}
    with (
        running_host(folder, base, **options) as home,
        llama_server(base, base.adapters, slots, threads) as server,
        client(home) as hosted,
        Client(server.url, keep=False) as alone,
    ):
        off = [{"id": number, "scale": 0.0} for number in range(len(base.adapters))]

        yield (
            _Asked(hosted, {"model": "base", "max_tokens": TOKENS}),
            _Asked(alone, {"lora": off, "temperature": 0, "top_k": 1, "max_tokens": TOKENS}),
        )


def _question(number: int) -> str:
    """A text that no other number begins with, so that no cache helps."""
    return f"{number} times, please: " + "say something about the weather in the north, " * 3


def _one_stream(folder: Path, base: ServedBase, threads: int, rounds: int, shape: str) -> Iterator[Figure]:
    """Each round asks both something new, and at once again, who is first changing from round to round.

    What the host adds is told by the second time: then llama.cpp has the prompt, and a second of evaluation, which is
    never twice the same, does not hide milliseconds.
    """
    host: list[Answer] = []
    peer: list[Answer] = []
    again: list[tuple[float, float]] = []
    with _both(folder / "one", base, threads, 4) as (hosted, alone):
        for asked in (hosted, alone):
            asked.ask(-1)
        for number in range(rounds):
            pair = [(hosted, host), (alone, peer)]
            for asked, answers in pair if number % 2 else reversed(pair):
                answers.append(asked.ask(number))
            for turn in range(_AGAIN):
                first = {asked: asked.first(number) for asked in ((hosted, alone) if turn % 2 else (alone, hosted))}
                again.append((first[hosted], first[alone]))
    more = statistics.median((ours - theirs) * 1000 for ours, theirs in again)
    first, its = (statistics.median(a.first * 1000 for a in answers) for answers in (host, peer))
    name = f"one stream, {shape}"
    yield Figure("overhead", f"{name}: to the first token", "ms", first, "llama.cpp alone", its)
    yield Figure(
        "overhead", f"{name}: more than llama.cpp, prompt known, median of pairs", "ms", more,
        goal=f"<= {FIRST_GOAL_MS:g}", met=more <= FIRST_GOAL_MS,
    )  # fmt: skip
    speed, its = (statistics.median(a.tokens_per_second for a in answers) for answers in (host, peer))
    goal, met = (f"ratio >= {SPEED_GOAL:g}", speed >= SPEED_GOAL * its) if shape != "tiny" else (None, None)
    yield Figure("overhead", f"{name}: tokens per second", "1/s", speed, "llama.cpp alone", its, goal, met)


def _many_streams(folder: Path, base: ServedBase, requests: int) -> Iterator[Figure]:
    """Tokens per second over all streams, in turns, who is first changing from round to round."""
    numbers = range(max(STREAMS * 4, requests // 8))
    host: list[float] = []
    peer: list[float] = []
    with _both(folder / "many", base, 1, STREAMS) as (hosted, alone):
        for turn in range(_TURNS):
            pair = [(hosted, host), (alone, peer)]
            for asked, rates in pair if turn % 2 else reversed(pair):
                rates.append(_throughput(asked, numbers))
    name = f"{STREAMS} streams, tiny: tokens per second in all"
    yield Figure("overhead", name, "1/s", statistics.median(host), "llama.cpp alone", statistics.median(peer))
    share = statistics.median(ours / its for ours, its in zip(host, peer, strict=True))
    yield at_least("overhead", f"{name}, share of llama.cpp's, median of pairs", "x", share, THROUGHPUT_GOAL)


def _throughput(asked: _Asked, numbers: Sequence[int]) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(STREAMS) as pool:
        tokens = sum(pool.map(asked.drain, numbers))
    return tokens / (time.perf_counter() - begun)
