"""The behavioural level alone: `migrate check` of loco-tiny's four adapters against loco-tiny-next beside the same
evaluations without it, in turns, in one process, on the same host. What both leave on disk must be the same cases."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator

from benches.figure import Figure, at_most
from benches.home import locoman, tiny_home
from locoman.app import App
from locoman.migration.levels.behaviour import WEIGHTS_IN_QUESTION
from locoman.migration.scores import Asked
from locoman.names import AdapterRef, ModelName
from locoman.progress import quiet_stages
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.evaluate import execute_evaluation
from locoman.workflows.evaluation_plan import EvaluationOptions, plan_evaluation
from locoman.workflows.migration.check import Asker, execute_check, plan_check
from locoman.workflows.migration.places import folder_of

OLD, NEW = "loco-tiny", "loco-tiny-next"
CASES = 100
ROUNDS = 3
RATIO_GOAL = 1.1


def run() -> Iterator[Figure]:
    with tiny_home() as root:
        for step in (("announce", NEW), ("check", "--sample", "1")):  # the second brings base and copies here
            subprocess.run(locoman(root, "migrate", *step, "--quiet"), check=True, stdout=subprocess.DEVNULL)
        checks: list[float] = []
        alone: list[float] = []
        asked: list[int] = []
        with App.load(root) as app:
            turns = [
                lambda: checks.append(_timed(app.home, asked, lambda: _check(app))),
                lambda: alone.append(_timed(app.home, asked, lambda: _evaluate(app))),
            ]
            for number in range(ROUNDS):
                for turn in turns if number % 2 else reversed(turns):
                    turn()
    same = len(set(asked)) == 1
    yield Figure("compat", "cases asked by either, the same", "", asked[0], goal="the same", met=same)
    whole, others = statistics.median(checks), statistics.median(alone)
    yield Figure("compat", "4 adapters by answers, median", "s", whole, "the same evaluations alone", others)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(checks, alone, strict=True))
    yield at_most("compat", "the check over the evaluations, median of pairs", "x", ratio, RATIO_GOAL)


def _timed(home: Home, asked: list[int], action: Callable[[], None]) -> float:
    """Seconds of `action` where nothing was asked and no verdict reached before; adds the number of cases to `asked`."""
    shutil.rmtree(home.evals, ignore_errors=True)
    migration = load_registry(home.registry).migration
    assert migration is not None
    (folder_of(home, migration) / "journal.jsonl").unlink(missing_ok=True)
    started = time.perf_counter()
    action()
    seconds = time.perf_counter() - started
    asked.append(sum(path.read_bytes().count(b"\n") for path in home.evals.glob("*/cases.jsonl")))
    return seconds


def _check(app: App) -> None:
    engine = app.engine()
    asker = Asker(engine, app.engine_facts(), app.scorers(engine))
    plan = plan_check(app.home, (), CASES)
    execute_check(app.home, app.shelf, app.providers(), asker, plan, quiet_stages)


def _evaluate(app: App) -> None:
    """All on one base, then all on the other, as the check does."""
    engine, registry = app.engine(), load_registry(app.home.registry)
    scorer = app.scorers(engine)
    for who in WEIGHTS_IN_QUESTION:
        for adapter in registry.adapters_of(OLD):
            options = _options(who, adapter.name)
            plan = plan_evaluation(
                app.home, registry, app.engine_facts(), str(app.home.root / adapter.package), options
            )
            execute_evaluation(plan, engine, scorer, quiet_stages)


def _options(who: Asked, name: str) -> EvaluationOptions:
    model = ModelName("adapter", AdapterRef(name)) if who.startswith("adapter") else None
    return EvaluationOptions(adapter=model, base=model is None, on=OLD if "old" in who else NEW, limit=CASES)
