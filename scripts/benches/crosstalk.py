"""Many clients ask every adapter and the base at once, streaming and not, with fewer slots than adapters: does each get its own
answer? Two collections: strong random adapters, whose answers differ from the first tokens on, and loco-tiny's own.

The right answers come from llama.cpp servers that hold one adapter alone and know no host. A random collection is asked what is
no near tie: at every token the best is 0.15 (log-probability) ahead of the second best, because where the cache lies and
how prompts were cut into batches changes it by some 0.01, without any adapter in play. loco-tiny is asked its whole sets.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from support.tiny_home import TinyHome
from support.tiny_host import tiny_base

from benches.asking import Client
from benches.figure import Figure, at_least
from benches.home import tiny_home
from benches.hosts import client, running_host
from benches.llama_server import llama_server
from locoman.app import App
from locoman.contracts import Message, ServedAdapter, ServedBase, Target
from locoman.engines.host.prompting import prompted
from locoman.scoring import find_scorer
from locoman.workflows.collection import active_packages

RANDOM_ADAPTERS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
SLOTS = 3
IDENTICAL_GOAL = 0.95
MARGIN = 0.15
TOKENS = 24
_TEXT = "hello there their what is seven times eight plus nine the cat sat on a mat why does it rain in may"


@dataclass(frozen=True, slots=True)
class Case:
    """A question to a model, its own serial answer, and the answers that the scorer takes (none: only its own)."""

    model: str
    question: str
    right: str
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A base with its adapters and what they are asked; `others` has all models' answers to each question."""

    name: str
    base: ServedBase
    cases: tuple[Case, ...]
    others: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back to a case; None: nothing did."""

    case: Case
    answer: str | None


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-crosstalk-") as name:
        folder = Path(name)
        with tiny_home() as installed:
            collections = [_random_collection(folder / "random", arguments.seed), _own_collection(installed)]
            for serial in (True,) if arguments.serial else (False, True):
                for collection in collections:
                    home = folder / f"{collection.name}-{serial}"
                    yield from _measure(collection, home, arguments, serial=serial)


def _measure(collection: Collection, folder: Path, arguments: argparse.Namespace, *, serial: bool) -> Iterator[Figure]:
    rng = random.Random(arguments.seed)
    asked = [rng.choice(collection.cases) for _ in range(arguments.requests // 2)]
    options = {"max_slots": SLOTS, "queue_limit": 4 * arguments.clients, "serial": serial}
    title = f"{collection.name}, {arguments.clients} clients{', serial' if serial else ''}"
    with running_host(folder, collection.base, **options) as home:
        alone, alone_seconds = _ask_all(home, asked[: len(asked) // 4], 1)
        outcomes, seconds = _ask_all(home, asked, arguments.clients)
    yield from _judge(collection, title, outcomes, 1.0 if serial else IDENTICAL_GOAL)
    one_by_one, rate = len(alone) / alone_seconds, len(outcomes) / seconds
    yield Figure("crosstalk", f"{title}: cases per second", "1/s", rate, "one at a time", one_by_one)


def _ask_all(home: TinyHome, cases: Sequence[Case], clients: int) -> tuple[list[Outcome], float]:
    """All cases through so many clients, every second one streamed; and the seconds."""
    local = threading.local()
    opened: list[Client] = []

    def ask(numbered: tuple[int, Case]) -> Outcome:
        number, case = numbered
        if not hasattr(local, "client"):
            local.client = client(home)
            opened.append(local.client)
        way = local.client.ask if number % 2 else local.client.ask_whole
        try:
            return Outcome(case, way(case.question, model=case.model, max_tokens=TOKENS).text)
        except (httpx.HTTPError, KeyError) as error:
            print(f"{case.model}: {error!r}", file=sys.stderr)
            return Outcome(case, None)

    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        outcomes = list(pool.map(ask, enumerate(cases)))
    seconds = time.perf_counter() - begun
    for one in opened:
        one.close()
    return outcomes, seconds


def _judge(collection: Collection, title: str, outcomes: Sequence[Outcome], identical_goal: float) -> Iterator[Figure]:
    answered = [outcome for outcome in outcomes if outcome.answer is not None]
    identical = [outcome for outcome in answered if outcome.answer == outcome.case.right]
    differing = [outcome for outcome in answered if outcome.answer != outcome.case.right]
    foreign = [o for o in differing if o.answer in collection.others[o.case.question]]
    scorer = find_scorer("exact")
    rescored = [
        o
        for o in differing
        if o.case.accepted
        and scorer.score(o.answer or "", Target(o.case.accepted)) != scorer.score(o.case.right, Target(o.case.accepted))
    ]
    yield _none(f"{title}: failures of {len(outcomes)}", len(outcomes) - len(answered))
    share = len(identical) / max(1, len(answered))
    yield at_least("crosstalk", f"{title}: identical to its own serial answer", "share", share, identical_goal)
    yield _none(f"{title}: another adapter's answer", len(foreign))
    if any(outcome.case.accepted for outcome in outcomes):
        yield _none(f"{title}: another score", len(rescored))


def _none(metric: str, count: int) -> Figure:
    return Figure("crosstalk", metric, "cases", count, goal="0", met=count == 0)


def _random_collection(folder: Path, seed: int) -> Collection:
    base = tiny_base(folder, RANDOM_ADAPTERS)
    rng = random.Random(seed)
    questions = list(dict.fromkeys(" ".join(rng.choices(_TEXT.split(), k=rng.randint(1, 8))) for _ in range(150)))
    asked = {name: [(question, ()) for question in questions] for name in ("base", *RANDOM_ADAPTERS)}
    return _collection("random adapters", base, asked, MARGIN)


def _own_collection(home: Path) -> Collection:
    app = App.load(home)
    registry = app.registry()
    packages = active_packages(app.home, registry, registry.current())
    asked = {p.manifest.name: [(case.question, case.accepted) for case in p.cases()[:60]] for p in packages}
    asked["base"] = [case for cases in asked.values() for case in cases[:15]]
    return _collection("loco-tiny", app.lineup().current().base, asked, 0.0)


def _collection(
    name: str, base: ServedBase, asked: dict[str, list[tuple[str, tuple[str, ...]]]], margin: float
) -> Collection:
    """Asks each model's server for all questions; drops those that are nearer ties than `margin` for any model."""
    questions = list(dict.fromkeys(question for cases in asked.values() for question, _ in cases))
    answers: dict[tuple[str, str], str] = {}
    close: set[str] = set()
    for model in asked:
        adapter = next((adapter for adapter in base.adapters if adapter.name == model), None)
        alone = [adapter] if adapter is not None and adapter.gguf is not None else []
        with llama_server(base, alone, 1, 1) as server:
            for question in questions:
                answers[model, question], lead = _alone(server.url, base, adapter, question)
                if lead < margin:
                    close.add(question)
    cases = tuple(
        Case(model, question, answers[model, question], accepted)
        for model, listed in asked.items()
        for question, accepted in listed
        if question not in close
    )
    others = {question: frozenset(answers[model, question] for model in asked) for question in questions}
    return Collection(name, base, cases, others)


def _alone(url: str, base: ServedBase, adapter: ServedAdapter | None, question: str) -> tuple[str, float]:
    """The greedy answer of a server that holds this adapter alone, and by how much its nearest token was ahead."""
    turns = prompted([Message("user", question)], adapter)
    body = {
        "messages": [{"role": turn.role, "content": turn.content} for turn in turns], "temperature": 0, "top_k": 1,
        "max_tokens": TOKENS, "stop": list(base.stop), "cache_prompt": False, "logprobs": True, "top_logprobs": 2,
    }  # fmt: skip
    if adapter is not None and adapter.gguf is not None:
        body["lora"] = [{"id": 0, "scale": adapter.scale}]
    response = httpx.post(f"{url}/v1/chat/completions", json=body, trust_env=False, timeout=60.0).raise_for_status()
    choice = response.json()["choices"][0]
    tops = [token["top_logprobs"] for token in choice["logprobs"]["content"]]
    leads = [top[0]["logprob"] - top[1]["logprob"] for top in tops if len(top) > 1]
    return choice["message"]["content"] or "", min(leads, default=0.0)
