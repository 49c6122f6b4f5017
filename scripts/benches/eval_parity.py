"""The same score for every case as lm-evaluation-harness: a GSM8K-shaped task on one llama.cpp server, and multiple choice by
log-likelihood on the same weights through llama-cpp-python. Both take the same task file; locoman imports it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benches.eval import environment, installed_base
from benches.figure import Figure, at_least
from benches.harness import CHOICE, GENERATE, harness_python, run_harness, run_script, write_task
from benches.home import locoman
from benches.llama_server import llama_server
from locoman.catalog.manifest import EvaluationCase, read_package
from locoman.catalog.shelf import shipped
from locoman.contracts import ServedBase
from locoman.evaluation.journal import StoredRun, read_run

TOKENS = 48
CHOICES = 4
ADAPTERS = ("arithmetic", "dates", "units", "words")
Part = tuple[str, list[float], list[float], int]
"""What is compared, our score and the harness's of each case, and in how many both answered the very same."""


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    python = harness_python()
    if python is None:
        print("lm-evaluation-harness is not here: set LOCOMAN_BENCH_LM_EVAL", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="locoman-parity-", dir=arguments.folder) as name:
        folder = Path(name)
        home, base = installed_base(folder)
        cases = {adapter: read_package(shipped("adapters") / adapter).cases() for adapter in ADAPTERS}
        parts = [_generated(python, folder, home, base, cases["arithmetic"])]
        if importlib.util.find_spec("llama_cpp") is None:
            print("llama-cpp-python is not here: no multiple choice", file=sys.stderr)
        else:
            parts += _chosen(python, folder, home, base, cases, arguments.seed)
    for title, ours, theirs, same in parts:
        if not arguments.json:
            print(f"{title}: locoman {_mean(ours):.4f}, lm-evaluation-harness {_mean(theirs):.4f}, {len(ours)} cases")
        equal = sum(one == other for one, other in zip(ours, theirs, strict=True)) / len(ours)
        yield Figure("eval-parity", f"{title}: score", "share", _mean(ours), "lm-evaluation-harness", _mean(theirs))
        yield at_least("eval-parity", f"{title}: cases with the same score", "share", equal, 1.0)
        yield Figure("eval-parity", f"{title}: cases with the same answer", "share", same / len(ours))


def _generated(python: str, folder: Path, home: Path, base: ServedBase, cases: Sequence[EvaluationCase]) -> Part:
    """One request at a time and nothing reused, so that the server answers both the same."""
    rows = [{"question": case.question, "answer": f"#### {case.answer}"} for case in cases]
    task = write_task(folder / "task", "sums", GENERATE, rows, TOKENS, ", cache_prompt: false")
    with llama_server(base, (), 1, 1) as server:
        run = _ours(home, task, {"LOCOMAN_ENGINE_KIND": "openai", "LOCOMAN_ENGINE_URL": server.url})
        model = f"model=base,base_url={server.url}/v1/chat/completions,num_concurrent=1,max_retries=2"
        options = ["--model", "local-chat-completions", "--model_args", model, "--apply_chat_template"]
        harness = run_harness(python, task, folder / "generated", options)
    said = [sample["resps"][0][0] for sample in harness.samples]
    same = sum(result.answer == text for result, text in zip(run.results, said, strict=True))
    return "GSM8K-shaped", [result.value for result in run.results], harness.values("exact_match"), same


def _chosen(
    python: str,
    folder: Path,
    home: Path,
    base: ServedBase,
    cases: dict[str, Sequence[EvaluationCase]],
    seed: int,
) -> list[Part]:
    task = write_task(folder / "task", "choices", CHOICE, list(_with_choices(cases, random.Random(seed))))
    run = _ours(home, task, {"LOCOMAN_ENGINE_KIND": "llama_cpp", "LOCOMAN_ENGINE_THREADS": "1"})
    script = Path(__file__).parent / "harness_in_process.py"
    harness = run_script(python, script, task, folder / "chosen", [str(base.gguf), str(base.context)])
    same = sum(
        result.answer == sample["doc"]["choices"]["text"][_likeliest(sample)]
        for result, sample in zip(run.results, harness.samples, strict=True)
    )
    return [
        (
            f"multiple choice, {metric}",
            [dict(result.metrics)[metric] for result in run.results],
            harness.values(metric),
            same,
        )
        for metric in ("acc", "acc_norm")
    ]


def _with_choices(cases: dict[str, Sequence[EvaluationCase]], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Every case with three answers of other cases of the same set."""
    for each in cases.values():
        answers = sorted({case.answer or "" for case in each})
        for case in each:
            others = chance.sample([answer for answer in answers if answer not in case.accepted], CHOICES - 1)
            texts = [case.answer or "", *others]
            chance.shuffle(texts)
            letters = [chr(ord("A") + place) for place in range(CHOICES)]
            key = letters[texts.index(case.answer or "")]
            yield {"question": case.question, "choices": {"text": texts, "label": letters}, "answerKey": key}


def _likeliest(sample: dict[str, Any]) -> int:
    """The first of the most probable choices, from what the harness logged ([[log-likelihood, greedy]] for each)."""
    sums = [float(response[0]) for response in sample["filtered_resps"]]
    return sums.index(max(sums))


def _ours(home: Path, task: Path, engine: dict[str, str]) -> StoredRun:
    subprocess.run(
        locoman(home, "eval", "import", str(task), "--quiet"), check=True, env=environment(), stdout=sys.stderr
    )
    command = locoman(home, "eval", "run", task.stem, "--base", "--serial", "--fresh", "--json")
    said = subprocess.run(command, check=True, env=environment() | engine, stdout=subprocess.PIPE, text=True).stdout
    return read_run(home / "evals" / json.loads(said)["run"])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
