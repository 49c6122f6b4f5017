"""The runner beside others on one llama.cpp server with 4 slots and the same 200 cases: lm-evaluation-harness
(local-chat-completions, 4 concurrent), `locoman eval run`, and a bare HTTP client that only sends the same prompts."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benches.figure import Figure, at_least
from benches.harness import GENERATE, HarnessRun, harness_python, run_harness, write_task
from benches.home import locoman
from benches.llama_server import llama_server
from benches.subjects import make_subject
from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.contracts import ServedBase
from locoman.evaluation.prompts import messages
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import read_suite

SLOTS = 4
CASES = 200
TOKENS = 48
ROUNDS = 7
SHELL_GOAL = 4.0
SHARE_GOAL = 0.90
NAME = "sums"


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-eval-", dir=arguments.folder) as name:
        folder = Path(name)
        base = _base(folder, arguments.shape, arguments.seed)
        task = write_task(folder / "task", NAME, GENERATE, _rows(), TOKENS)
        home = folder / "home"
        _locoman(home, "", "eval", "import", str(task))
        suite = read_suite(home / "suites" / f"{NAME}.toml")
        with llama_server(base, (), SLOTS, 2) as server:
            bare, inside, shell = [], [], []
            _bare(server.url, suite)  # the first requests fill caches and page in the model
            for turn in range(ROUNDS):
                both = [lambda: bare.append(_bare(server.url, suite)), lambda: _ours(home, server.url, inside, shell)]
                for each in both if turn % 2 else reversed(both):
                    each()
            harness = _harness(folder, task, server.url)
    shape = arguments.shape
    seconds = statistics.median(shell)
    if harness is None:
        yield Figure("eval", f"{shape}: {CASES} cases from the shell", "s", seconds)
    else:
        yield Figure(
            "eval", f"{shape}: {CASES} cases from the shell", "s", seconds, "lm-evaluation-harness", harness.seconds
        )
        yield at_least(
            "eval", f"{shape}: times as fast as the harness", "x", harness.seconds / seconds, SHELL_GOAL
        )  # fmt: skip
    rate, its = CASES / statistics.median(inside), CASES / statistics.median(bare)
    yield Figure("eval", f"{shape}: cases per second inside the run", "1/s", rate, "bare HTTP client", its)
    share = statistics.median(theirs / ours for ours, theirs in zip(inside, bare, strict=True))
    yield at_least("eval", f"{shape}: share of the bare client's, median of pairs", "x", share, SHARE_GOAL)


def installed_base(folder: Path) -> tuple[Path, ServedBase]:
    """A home with loco-tiny, and the base as it is served there."""
    from locoman.app import App

    home = folder / "base"
    command = locoman(home, "install", "--base", "loco-tiny", "--yes", "--quiet", "--no-check")
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)
    with App.load(home) as app:
        return home, app.lineup().current().base


def _base(folder: Path, shape: str, seed: int) -> ServedBase:
    """loco-tiny itself, or random weights of a larger shape."""
    return installed_base(folder)[1] if shape == "tiny" else make_subject(folder / "subject", shape, 0, seed)


def _rows() -> list[dict[str, str]]:
    cases = read_package(shipped("adapters") / "arithmetic").cases()[:CASES]
    return [{"question": case.question, "answer": f"#### {case.answer}"} for case in cases]


def environment() -> dict[str, str]:
    """Without settings of whoever runs this."""
    return {key: value for key, value in os.environ.items() if not key.startswith("LOCOMAN_")}


def _locoman(home: Path, url: str, *arguments: str) -> str:
    engine = {"LOCOMAN_ENGINE_KIND": "openai", "LOCOMAN_ENGINE_URL": url} if url else {}
    command = locoman(home, *arguments)
    return subprocess.run(command, check=True, env=environment() | engine, stdout=subprocess.PIPE, text=True).stdout


def _ours(home: Path, url: str, inside: list[float], shell: list[float]) -> None:
    """One whole run from the shell, nothing known from the one before."""
    begun = time.perf_counter()
    said = _locoman(home, url, "eval", "run", NAME, "--base", "--fresh", "--parallel", str(SLOTS), "--json")
    shell.append(time.perf_counter() - begun)
    inside.append(json.loads(said)["seconds"])


def _bare(url: str, suite: Suite) -> float:
    """Seconds in which four threads with a connection each have sent every prompt and read every answer."""
    parts = urlsplit(url)
    bodies = [
        json.dumps(
            {
                "model": "base",
                "messages": [{"role": m.role, "content": m.content} for m in messages(suite.prompt, case)],
                "max_tokens": suite.max_tokens,
                "temperature": 0,
                "seed": 0,
                "stop": list(suite.stop),
            }
        )
        for case in suite.cases
    ]

    def send(mine: list[str]) -> int:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
        tokens = 0
        for body in mine:
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            tokens += json.loads(connection.getresponse().read())["usage"]["completion_tokens"]
        connection.close()
        return tokens

    begun = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        list(pool.map(send, [bodies[number::SLOTS] for number in range(SLOTS)]))
    return time.perf_counter() - begun


def _harness(folder: Path, task: Path, url: str) -> HarnessRun | None:
    python = harness_python()
    if python is None:
        print("lm-evaluation-harness is not here: set LOCOMAN_BENCH_LM_EVAL", file=sys.stderr)
        return None
    model = f"model=base,base_url={url}/v1/chat/completions,num_concurrent={SLOTS},max_retries=2"
    return run_harness(
        python,
        task,
        folder / "harness",
        ["--model", "local-chat-completions", "--model_args", model, "--apply_chat_template"],
    )
