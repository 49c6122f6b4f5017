"""Switching adapters and coming back to a conversation: the host; one llama.cpp server that is restarted for each adapter, as
Ollama does; and Ollama itself where it is installed and takes adapters. Then memory and disk with 1 and 8 adapters.

All serve the same files: a base of random weights (Q4_K_M) and rank-16 adapters for its attention.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from support.real_ollama import find_ollama, real_ollama

from benches.asking import Answer, Client
from benches.figure import Figure, at_least, at_most
from benches.hosts import client, running_host
from benches.llama_server import llama_server
from benches.ollama_models import OllamaModels, Unable
from benches.process import warm
from benches.subjects import make_subject
from locoman.contracts import ServedBase
from locoman.engines.host.desk import physical_cores

ADAPTERS = 8
SWITCH_GOAL_MS = 50.0
BACK_GOAL = 20.0
MEMORY_GOAL = 1.25
DISK_GOAL = 1.1
ROUNDS = 9
"""Of switches; for those who load anew each time, and of coming back, 3."""
_RELOADS = 3
_QUESTION = "Which day follows Friday?"
_TURN = "Tell me in a few words what you know about the weather in the north, and how it changes over the year. "
_EXCHANGES = 3
Turns = list[dict[str, str]]


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-switch-", dir=arguments.folder) as name:
        folder = Path(name)
        base = make_subject(folder / "subject", arguments.shape, ADAPTERS, arguments.seed)
        threads = 1 if arguments.shape == "tiny" else physical_cores()
        judged = arguments.shape != "tiny"
        warm(base.gguf, *(adapter.gguf for adapter in base.adapters if adapter.gguf))
        one = replace(base, adapters=base.adapters[:1])
        with running_host(folder / "one", one, threads=threads) as home, client(home) as asking:
            with_one = _memory(asking, ["a1"])
        with running_host(folder / "eight", base, threads=threads) as home, client(home) as asking:
            with_eight = _memory(asking, _NAMES)
            ours = _host(asking)
        restarted = _restarted(base, threads)
        yield from _times(ours, restarted, judged)
        yield from _ollama(folder, base, ours)
        yield from _sizes(base, with_one, with_eight, judged)


@dataclass(frozen=True, slots=True)
class Times:
    """Medians, seconds to the first token: of a new question to the adapter asked last, of one to another adapter, how much
    more that is, and of going on with a conversation after another adapter was asked."""

    same: float
    switch: float
    more: float
    back: float


_NAMES = [f"a{number}" for number in range(1, ADAPTERS + 1)]


def _memory(asking: Client, names: Sequence[str]) -> int:
    """Bytes of the process that holds the model when its adapters were asked, as many questions however many they are."""
    for number in range(ADAPTERS):
        asking.ask(_new(900 + number), model=names[number % len(names)], max_tokens=2)
    (base,) = asking.get("/locoman/v1/resident")["bases"]
    return int(base["bytes"])


def _host(asking: Client) -> Times:
    same, switch = [], []
    for number in range(ROUNDS):
        name = _NAMES[number % ADAPTERS]
        switch.append(asking.ask(_new(2 * number), model=name, max_tokens=2).first)
        same.append(asking.ask(_new(2 * number + 1), model=name, max_tokens=2).first)
    turns = _conversation()
    turns += _said(asking.ask(turns, model="a1", max_tokens=8))
    back = []
    for number in range(_RELOADS):
        asking.ask(_new(100 + number), model="a2", max_tokens=2)
        turns.append(_user("And then?"))
        answer = asking.ask(turns, model="a1", max_tokens=4)
        back.append(answer.first)
        turns += _said(answer)
    more = [there - here for there, here in zip(switch, same, strict=True)]
    return Times(*(statistics.median(times) for times in (same, switch, more, back)))


def _restarted(base: ServedBase, threads: int) -> Times:
    """Each switch starts a server with the other adapter; the files are in the page cache."""
    same, switch, more, back = [], [], [], []
    for number in range(_RELOADS):
        begun = time.perf_counter()
        with llama_server(base, base.adapters[:1], 1, threads) as server, Client(server.url, keep=False) as asking:
            started = time.perf_counter() - begun
            switch.append(started + asking.ask(_new(number), max_tokens=2, **_on()).first)
            same.append(asking.ask(_new(50 + number), max_tokens=2, **_on()).first)
            more.append(switch[-1] - same[-1])
        begun = time.perf_counter()
        with llama_server(base, base.adapters[:1], 1, threads) as server, Client(server.url, keep=False) as asking:
            started = time.perf_counter() - begun
            back.append(started + asking.ask(_continued(), max_tokens=4, **_on()).first)
    return Times(*(statistics.median(times) for times in (same, switch, more, back)))


def _times(ours: Times, restarted: Times, judged: bool) -> Iterator[Figure]:
    peer = "a server for each adapter"
    yield Figure("switch", "first token, new question, same adapter", "s", ours.same, peer, restarted.same)
    yield Figure("switch", "first token, new question, other adapter", "s", ours.switch, peer, restarted.switch)
    yield at_most("switch", "a switch, more than without one, median of pairs", "ms", ours.more * 1000, SWITCH_GOAL_MS)
    yield Figure("switch", "first token, coming back to a conversation", "s", ours.back, peer, restarted.back)
    faster = restarted.back / ours.back
    if judged:
        yield at_least("switch", f"coming back, times as fast as {peer}", "x", faster, BACK_GOAL)
    else:
        yield Figure("switch", f"coming back, times as fast as {peer}", "x", faster)


def _ollama(folder: Path, base: ServedBase, ours: Times) -> Iterator[Figure]:
    """The same with a real Ollama."""
    binary = find_ollama()
    if binary is None:
        yield Figure("switch", "Ollama (not installed here)", "s", float("nan"))
        return
    with ExitStack() as stack:
        try:
            url = stack.enter_context(real_ollama(binary, folder / "ollama"))
            models = OllamaModels(url)
            names = models.create(base, base.adapters[:2])
        except Unable as error:
            yield Figure("switch", f"Ollama (not able: {error})", "s", float("nan"))
            return
        for name in names:
            models.ask(name, [_user("hello")])
        switch = [models.ask(names[number % 2], [_user(_new(number))]) for number in range(_RELOADS)]
        back = []
        for number in range(_RELOADS):
            models.ask(names[1], [_user(_new(60 + number))])
            back.append(models.ask(names[0], _continued()))
    median = statistics.median(switch)
    yield Figure("switch", "first token, new question, other adapter", "s", ours.switch, "Ollama", median)
    yield Figure(
        "switch", "first token, coming back to a conversation", "s", ours.back, "Ollama", statistics.median(back)
    )


def _sizes(base: ServedBase, with_one: int, with_eight: int, judged: bool) -> Iterator[Figure]:
    files = [adapter.gguf.stat().st_size for adapter in base.adapters if adapter.gguf]
    yield Figure("switch", "memory with 1 adapter", "MB", with_one / 1e6)
    yield Figure("switch", f"memory with {ADAPTERS} adapters", "MB", with_eight / 1e6)
    share = (with_eight - with_one) / sum(files[1:])
    disk = (base.gguf.stat().st_size + sum(files)) / base.gguf.stat().st_size
    if judged:
        yield at_most("switch", "memory of 7 more adapters over their files", "x", share, MEMORY_GOAL)
        yield at_most("switch", f"disk with {ADAPTERS} adapters over the base", "x", disk, DISK_GOAL)
    else:
        yield Figure("switch", "memory of 7 more adapters over their files", "x", share)
        yield Figure("switch", f"disk with {ADAPTERS} adapters over the base", "x", disk)


def _new(number: int) -> str:
    """A question that begins like no other, so that no cache helps, and always of the same length."""
    return f"{number:03d}: {_QUESTION}"


def _conversation() -> Turns:
    """A conversation of some exchanges and a question: some 800 tokens of this model, some 500 of one that knows words."""
    turns: Turns = []
    for number in range(_EXCHANGES):
        turns += [_user(f"{number:03d} {_TURN}"), {"role": "assistant", "content": _TURN * 3}]
    return [*turns, _user(_TURN)]


def _continued() -> Turns:
    """The same, answered and gone on with."""
    return [*_conversation(), {"role": "assistant", "content": "abcdefgh"}, _user("And then?")]


def _said(answer: Answer) -> Turns:
    return [{"role": "assistant", "content": answer.text}]


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _on() -> dict[str, object]:
    return {"lora": [{"id": 0, "scale": 1.0}], "temperature": 0, "top_k": 1}
