"""The matrix adapter x evaluation set on loco-tiny, answered greedily through the host, with 95 % intervals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from benches.figure import Figure, at_least
from benches.home import tiny_home
from locoman.app import App
from locoman.catalog.manifest import EvaluationCase
from locoman.catalog.shelf import shipped
from locoman.documents import read_jsonl
from locoman.evaluation.results import SuiteResult
from locoman.evaluation.runner import run_suite
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import suite_of
from locoman.names import ModelName
from locoman.scoring import build_scorer
from locoman.workflows.collection import active_packages

ADAPTER_GOAL = 0.85
GAIN_GOAL = 0.40
CONVERSATION_GOAL = 0.90


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tiny_home() as home, App.load(home) as app:
        engine = app.engine()
        registry = app.registry()
        packages = active_packages(app.home, registry, registry.current())
        suites = [suite_of(package) for package in packages]
        talk = tuple(read_jsonl(shipped("modelfiles") / "loco-tiny" / "conversation.jsonl", EvaluationCase))
        suites.append(Suite("conversation", talk))
        results: dict[tuple[str, str], SuiteResult] = {}
        for model in ["base", *(p.manifest.name for p in packages)]:
            for suite in suites:
                scorer = build_scorer(suite.scorer.name, suite.scorer.options)
                results[model, suite.name] = run_suite(engine, ModelName.parse(model), suite, scorer)
    if not arguments.json:
        _print_matrix(results, [suite.name for suite in suites])
    for package in packages:
        name = package.manifest.name
        score, base = results[name, name].score, results["base", name].score
        yield at_least("adapters", f"{name} on its own set", "share", score, ADAPTER_GOAL)
        yield at_least("adapters", f"{name}, gain over the base", "share", score - base, GAIN_GOAL)
    talking = results["base", "conversation"].score
    yield at_least("adapters", "base on everyday conversation", "share", talking, CONVERSATION_GOAL)
    for (model, suite), result in results.items():
        low, high = result.ci95
        if model != suite:
            yield Figure("adapters", f"{model} on {suite} [{low:.2f}, {high:.2f}]", "share", result.score)


def _print_matrix(results: dict[tuple[str, str], SuiteResult], suites: list[str]) -> None:
    print("Share of cases answered right, with 95 % intervals (rows: who answers; columns: whose set)\n")
    print("| |" + "".join(f" {suite} ({len(results['base', suite].results)}) |" for suite in suites))
    print("|---|" + "---|" * len(suites))
    for model in dict.fromkeys(model for model, _ in results):
        cells = []
        for suite in suites:
            result = results[model, suite]
            low, high = result.ci95
            cells.append(f" {result.score:.3f} [{low:.2f}, {high:.2f}] |")
        print(f"| {model} |" + "".join(cells))
    print()
    sys.stdout.flush()
