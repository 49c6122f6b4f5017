"""Trains as planned, writes the package and evaluates it against the bare base."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from locoman.catalog.manifest import read_package
from locoman.contracts import Engine, Scorer
from locoman.evaluation.results import SuiteResult
from locoman.evaluation.runner import run_suite
from locoman.evaluation.suite import ScorerChoice
from locoman.evaluation.verdict import Verdict, verdict
from locoman.names import AdapterRef, ModelName
from locoman.progress import Stages
from locoman.store.atomic import mapped
from locoman.store.home import Home
from locoman.store.locks import held
from locoman.training.checkpoint import Look
from locoman.training.course import Watch
from locoman.training.lora import Machine, Trained, libraries, train_adapter
from locoman.workflows.fetch_checkpoint import fetch_checkpoint
from locoman.workflows.training.material import check_identity
from locoman.workflows.training.plan import TrainPlan
from locoman.workflows.training.trial import trial_home
from locoman.workflows.training.written import write_package

EngineOf = Callable[[Home], AbstractContextManager[Engine]]
"""An engine for a home of its own; whatever was started for it is stopped at the end."""

ScorersOf = Callable[[Engine], Callable[[ScorerChoice], Scorer]]
"""Builds scorers, whose judges ask the engine."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The package's own set, answered by the adapter and by the bare base, and what the gate says."""

    adapter: SuiteResult
    base: SuiteResult
    verdict: Verdict


def execute_train(
    home: Home,
    plan: TrainPlan,
    machine: Machine,
    stages: Stages,
    look: Callable[[Look], None] = lambda look: None,
) -> Trained:
    """Trains, and writes the package to `plan.out`. Killed, the same plan goes on where it stopped.

    Raises ExtraMissing before anything is fetched; then what `train_adapter` raises, DownloadFailed, WrongBase, StoreError,
    StoreBusy (another process does this very training).
    """
    libraries()
    folder = plan.checkpoint.folder
    if folder is None:
        assert plan.checkpoint.hub is not None
        folder = fetch_checkpoint(home, plan.checkpoint.hub, stages)
        check_identity(folder, plan.base)
    weights = plan.state / "weights"
    watch = Watch(stages(f"Training {plan.package.manifest.name}"), look, plan.state)
    with held(home.locks / f"training-{plan.state.name}.lock", plan.state):
        trained = train_adapter(
            folder, plan.base.name, plan.examples, plan.recipe, weights, template=plan.template, watch=watch,
            machine=machine,
        )  # fmt: skip
        write_package(plan, weights)
    return trained


def evaluate_trained(home: Home, plan: TrainPlan, engine_of: EngineOf, scorers: ScorersOf, stages: Stages) -> Evaluated:
    """Answers the package's set with the adapter and with the bare base, on this machine's engine.

    Raises what installing the package raises, EngineError, ScorerFailed.
    """
    package = read_package(plan.out)
    name = ModelName("adapter", AdapterRef(package.manifest.name))
    with trial_home(home, plan.spec, plan.base, package, stages("Converting")) as trial, engine_of(trial) as engine:
        scorer = scorers(engine)(plan.suite.scorer)
        own = run_suite(engine, name, plan.suite, scorer, progress=stages("Evaluating the adapter"))
        bare = run_suite(engine, ModelName("base"), plan.suite, scorer, progress=stages("Evaluating the base alone"))
    judged = verdict(plan.suite.gate, [r.value for r in own.results], [r.value for r in bare.results])
    return Evaluated(own, bare, judged)


def forget_state(plan: TrainPlan) -> None:
    """Deletes what was kept so that the training could go on: it is done. Raises StoreError."""
    with mapped(plan.state):
        shutil.rmtree(plan.state, ignore_errors=True)
