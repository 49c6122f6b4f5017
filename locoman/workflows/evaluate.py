"""Asks what an evaluation's plan says, and judges adapters by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from locoman.contracts import Engine, Scorer
from locoman.errors import InvalidFile
from locoman.evaluation.journal import CASES, Journal, RunSummary, StoredRun, read_run
from locoman.evaluation.results import SuiteResult
from locoman.evaluation.runner import run_suite
from locoman.evaluation.suite import ScorerChoice
from locoman.evaluation.verdict import Verdict, verdict
from locoman.names import BASE
from locoman.progress import Stages
from locoman.workflows.evaluation_plan import EvaluationOptions, EvaluationPlan, PlannedRun, now
from locoman.workflows.evaluation_subjects import on_base

MakeScorer = Callable[[ScorerChoice], Scorer]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as it lies on disk now; `cached`: it was there before."""

    planned: PlannedRun
    stored: StoredRun
    summary: RunSummary
    cached: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate of `suite` says of `adapter`."""

    adapter: str
    suite: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All runs, and a judgement of every adapter that was asked together with its base."""

    outcomes: tuple[Outcome, ...]
    judgements: tuple[Judgement, ...]


def execute_evaluation(plan: EvaluationPlan, engine: Engine, scorer: MakeScorer, stages: Stages) -> Evaluation:
    """Asks what is not known yet. Everything that is finished before an error or a kill is kept.

    Raises EngineError, ScorerFailed, StoreError, MissingPrerequisite, UnknownName.
    """
    scorers = {id(run): scorer(run.subject.suite.scorer) for run in plan.runs if not run.finished}
    outcomes = tuple(_run(run, plan.options, engine, scorers.get(id(run)), stages) for run in plan.runs)
    return Evaluation(outcomes, _judge(outcomes))


def _run(run: PlannedRun, options: EvaluationOptions, engine: Engine, scorer: Scorer | None, stages: Stages) -> Outcome:
    if scorer is None:
        stored = read_run(run.folder)
        if stored.summary is None:
            raise InvalidFile(run.folder / CASES, "the run was finished and is not any more")
        return Outcome(run, stored, stored.summary, True)
    progress = stages(f"{run.header.suite} · {run.header.model}")
    with Journal(run.folder, run.header) as journal:
        result = run_suite(
            engine,
            run.model.model,
            run.subject.suite,
            scorer,
            journal=journal,
            parallel=options.parallel,
            serial=options.serial,
            progress=progress,
        )
        summary = _summary(result, engine)
        journal.finish(summary)
    return Outcome(run, read_run(run.folder), summary, False)


def _summary(result: SuiteResult, engine: Engine) -> RunSummary:
    resident = engine.resident()
    bases = resident.bases if resident is not None else ()
    return RunSummary(
        cases=len(result.results),
        score=result.score,
        ci95=result.ci95,
        metrics=result.metrics,
        seconds=result.seconds,
        finished=now(),
        launchers=tuple(base.launcher for base in bases if base.launcher),
        memory_bytes=sum(base.bytes for base in bases),
    )


def _judge(outcomes: Sequence[Outcome]) -> tuple[Judgement, ...]:
    """Every adapter by its own suite, or by the only one there is; what it loses on the others counts too."""
    scores = {(o.planned.header.suite, o.planned.header.model): o for o in outcomes}
    found = []
    for (suite, model), outcome in scores.items():
        plain = scores.get((suite, str(on_base(BASE, _prefix(outcome)))))
        adapter = outcome.planned.model.model.adapter
        if plain is None or adapter is None:
            continue
        owner = outcome.planned.subject.owner
        if owner != adapter.name and (owner or len({suite for suite, _ in scores}) > 1):
            continue
        others = {
            other: (_scores(own), _scores(scores[other, plain.planned.header.model]))
            for (other, asked), own in scores.items()
            if other != suite and asked == model and (other, plain.planned.header.model) in scores
        }
        gate = outcome.planned.subject.suite.gate
        found.append(Judgement(adapter.name, suite, verdict(gate, _scores(outcome), _scores(plain), others)))
    return tuple(found)


def _prefix(outcome: Outcome) -> str | None:
    base = outcome.planned.model.model.base
    return str(base) if base is not None else None


def _scores(outcome: Outcome) -> list[float]:
    return [result.value for result in outcome.stored.results]
