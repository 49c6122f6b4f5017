"""Every adapter of loco-tiny on its whole evaluation set through Ollama's own API, beside the host.

It goes the whole way in an empty home: install, sync, ask, sync again, remove --all.

Needs a real Ollama that takes adapters (LOCOMAN_TEST_OLLAMA, or on PATH); it runs on a port and with models of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from support.real_ollama import find_ollama, real_ollama
from support.tiny_gguf import write_tiny_base

from benches.figure import Figure
from benches.home import locoman, tiny_home
from locoman.app import App
from locoman.evaluation import prompts
from locoman.evaluation.runner import run_suite
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import suite_of
from locoman.names import ModelName
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.wanted import adapter_tag
from locoman.scoring import build_scorer
from locoman.store.digests import sha256_of
from locoman.workflows.collection import active_packages

GOAL = 0.02
"""How far a score may be from the host's: a share of the cases."""
_OPTIONS = {"temperature": 0, "seed": 0, "num_thread": 1}
"""Greedy; one thread, because on a busy machine threads wait for each other longer than so small a model takes."""


@dataclass(frozen=True)
class _Asked:
    """An adapter's set, its model in Ollama, and its score by the host."""

    suite: Suite
    tag: str
    by_host: float


@dataclass(frozen=True)
class _Server:
    """A real Ollama with its models in `folder`, and a home beside it."""

    url: str
    folder: Path
    home: Path
    http: httpx.Client

    def run(self, *arguments: str) -> dict[str, Any]:
        """A locoman command as a shell would run it; its JSON."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LOCOMAN_")}
        command = [*locoman(self.home, *arguments), "--json"]
        environment["OLLAMA_HOST"] = self.url
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        return dict(json.loads(done.stdout))

    def holds(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Every model with the digest of its manifest, and every blob."""
        models = self.http.get("/api/tags").json()["models"]
        blobs = sorted(path.name for path in (self.folder / "models" / "blobs").iterdir())
        return sorted((model["name"], model["digest"]) for model in models), blobs


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    binary = find_ollama()
    if binary is None:
        print("no real Ollama here: set LOCOMAN_TEST_OLLAMA or put ollama on PATH", file=sys.stderr)
        return
    with (
        tiny_home() as home,
        tempfile.TemporaryDirectory(prefix="locoman-answers-", dir=arguments.folder) as name,
        real_ollama(binary, Path(name)) as url,
        httpx.Client(base_url=url, timeout=300.0, trust_env=False) as http,
    ):
        server = _Server(url, Path(name), home, http)
        _somebody_elses(url, Path(name))
        before = server.holds()
        version = http.get("/api/version").json()["version"]
        asked = list(_by_host(home))
        for strategy in ("native", "merged"):
            server.run("sync", "--strategy", strategy, "--yes")
            for one in asked:
                yield from _compared(server, f"{strategy} (Ollama {version})", one)
            again = server.run("sync")["result"]
            yield _is(f"{strategy}: uploads of a second sync", again["uploads"], 0)
            server.run("sync", "--prune")  # the base that native models stood on is needed by no merged one
            yield _is(f"{strategy}: differences that status sees", len(server.run("status")["differences"]), 0)
        server.run("remove", "--all", "--yes")
        after = server.holds()
        yield _is("models of others before", len(before[0]), 1)
        yield _is("models after remove --all that were not there, or are gone", len({*before[0]} ^ {*after[0]}), 0)
        yield _is("blobs after remove --all that were not there, or are gone", len({*before[1]} ^ {*after[1]}), 0)


def _by_host(home: Path) -> Iterator[_Asked]:
    with App.load(home) as app:
        registry, engine = app.registry(), app.engine()
        base = registry.current()
        for adapter, package in zip(registry.active_of(base), active_packages(app.home, registry, base), strict=True):
            suite = suite_of(package)
            scorer = build_scorer(suite.scorer.name, suite.scorer.options)
            result = run_suite(engine, ModelName.parse(adapter.name), suite, scorer)
            yield _Asked(suite, str(adapter_tag(base.name, adapter.ref)), _mean(result.scores))


def _compared(server: _Server, label: str, asked: _Asked) -> Iterator[Figure]:
    suite = asked.suite
    scorer, scores = build_scorer(suite.scorer.name, suite.scorer.options), []
    begun = time.perf_counter()
    for case in suite.cases:
        messages = [{"role": m.role, "content": m.content} for m in prompts.messages(suite.prompt, case)]
        request = {"model": asked.tag, "messages": messages, "stream": False, "options": _OPTIONS}
        answer = server.http.post("/api/chat", json=request).raise_for_status().json()["message"]["content"]
        scores.append(scorer.score(answer, case.target).value)
    seconds, score = time.perf_counter() - begun, _mean(scores)
    what = f"{label}: {suite.name}, {len(scores)} cases"
    yield Figure("ollama_answers", what, "share", score, "the host", asked.by_host)
    apart = abs(score - asked.by_host)
    met = round(apart, 9) <= GOAL
    yield Figure("ollama_answers", f"{label}: {suite.name}, apart", "share", apart, goal=f"<= {GOAL:g}", met=met)
    yield Figure("ollama_answers", f"{label}: {suite.name}, seconds", "s", seconds)


def _somebody_elses(url: str, folder: Path) -> None:
    """A model that is not locoman's, which must stay as it is."""
    path = write_tiny_base(folder / "mine.gguf")
    with OllamaApi(url) as api:
        api.put_blob(path, sha256_of(path))
        api.create(NewModel("mine", files={"mine.gguf": f"sha256:{sha256_of(path)}"}, system="Mine."))


def _is(metric: str, value: int, goal: int) -> Figure:
    return Figure("ollama_answers", metric, "", value, goal=str(goal), met=value == goal)


def _mean(scores: tuple[float, ...] | list[float]) -> float:
    return sum(scores) / len(scores)
