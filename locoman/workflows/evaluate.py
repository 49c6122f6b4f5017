"""Evaluates: plans which suites are asked of whom and what is known already, asks the rest, and judges adapters by it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from locoman import __version__
from locoman.contracts import Engine, Scorer
from locoman.errors import InvalidFile
from locoman.evaluation.asking import SEED
from locoman.evaluation.journal import CASES, HEADER, Journal, RunHeader, RunSummary, StoredRun, read_run
from locoman.evaluation.overlap import refuse_overlap
from locoman.evaluation.results import SuiteResult
from locoman.evaluation.runner import DEFAULT_PARALLEL, run_suite
from locoman.evaluation.suite import ScorerChoice
from locoman.evaluation.verdict import Verdict, verdict
from locoman.names import BASE, AdapterRef, ModelName
from locoman.progress import Stages
from locoman.store.home import Home
from locoman.store.registry import Registry
from locoman.workflows.evaluation_subjects import ModelSubject, SuiteSubject, find_model, find_suites, on_base

MakeScorer = Callable[[ScorerChoice], Scorer]


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Which engine answers. `own`: it serves what this home's registry says. `where` tells a server or script from others."""

    kind: str
    own: bool = True
    where: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How it is asked.

    Args:
        adapter: who is asked; None with `base` False: the adapter whose suite it is and the base, or else the base.
        base: ask the plain base. on: the installed base that is meant; "" is the one in use.
        limit: only the first cases of each suite; 0 is all. fresh: ask again what is known.
    """

    adapter: ModelName | None = None
    base: bool = False
    on: str = ""
    serial: bool = False
    parallel: int = DEFAULT_PARALLEL
    limit: int = 0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A suite that is asked of somebody; `done` of its cases are known, and `finished` says that the whole run is."""

    subject: SuiteSubject
    model: ModelSubject
    header: RunHeader
    folder: Path
    done: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """The runs, those of one adapter together."""

    runs: tuple[PlannedRun, ...]
    options: EvaluationOptions

    @property
    def cases(self) -> int:
        """Cases that are to be asked."""
        return sum(run.header.total - run.done for run in self.runs)


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


def plan_evaluation(
    home: Home, registry: Registry, engine: EngineFacts, word: str, options: EvaluationOptions
) -> EvaluationPlan:
    """What `word` (see `find_suites`) is asked of whom. Changes nothing.

    Raises UnknownName, InvalidFile (also for a gate whose cases stand in train.jsonl), NothingInstalled, StoreError.
    """
    base = registry.find_base(options.on or registry.base)
    subjects = find_suites(home, registry, base, word)
    pairs = [(subject, model) for subject in subjects for model in _asked(subject, options)]
    for subject in subjects:
        if subject.package is not None and len({m for s, m in pairs if s is subject}) > 1:
            refuse_overlap(subject.suite, subject.package)
    runs = [
        _planned(home, engine, subject, find_model(home, registry, on_base(model, options.on), own=engine.own), options)
        for subject, model in pairs
    ]
    order = {name: place for place, name in enumerate(dict.fromkeys(str(run.model.model) for run in runs))}
    return EvaluationPlan(tuple(sorted(runs, key=lambda run: order[str(run.model.model)])), options)


def execute_evaluation(plan: EvaluationPlan, engine: Engine, scorer: MakeScorer, stages: Stages) -> Evaluation:
    """Asks what is not known yet. Everything that is finished before an error or a kill is kept.

    Raises EngineError, ScorerFailed, StoreError, MissingPrerequisite, UnknownName.
    """
    scorers = {id(run): scorer(run.subject.suite.scorer) for run in plan.runs if not run.finished}
    outcomes = tuple(_run(run, plan.options, engine, scorers.get(id(run)), stages) for run in plan.runs)
    return Evaluation(outcomes, _judge(outcomes))


def _asked(subject: SuiteSubject, options: EvaluationOptions) -> tuple[ModelName, ...]:
    models = (options.adapter,) if options.adapter is not None else ()
    if options.base:
        return (*models, BASE)
    if models or not subject.owner:
        return models or (BASE,)
    return (ModelName("adapter", AdapterRef(subject.owner)), BASE)


def _planned(
    home: Home, engine: EngineFacts, subject: SuiteSubject, model: ModelSubject, options: EvaluationOptions
) -> PlannedRun:
    suite = subject.suite.first(options.limit)
    who = model.model.adapter.name if model.model.adapter is not None else model.model.kind
    header = RunHeader(
        run="",
        suite=suite.name,
        suite_digest=suite.digest,
        suite_path=str(suite.path or ""),
        kind=suite.kind,
        scorer=suite.scorer.name,
        model=str(model.model),
        base=model.base,
        base_fingerprint=model.base_fingerprint,
        adapter=model.adapter,
        adapter_digest=model.adapter_digest,
        engine=f"{engine.kind} {engine.where}".strip(),
        total=len(suite.cases),
        options={"engine": engine.kind, "serial": options.serial, "seed": SEED, "temperature": 0.0},
        versions={"locoman": __version__, "python": platform.python_version()},
        machine=_machine(),
        started=_now(),
    )
    stem = f"{suite.name}-{who}-{header.key[:8]}"
    known = _stored(home, stem, header.key)
    limited = SuiteSubject(suite, subject.package)
    if known and not options.fresh:
        last = known[-1]
        done = sum(result.score is not None for result in last.results)
        return PlannedRun(limited, model, last.header, last.folder, done, last.summary is not None)
    number = 1 + max((_number(run.folder.name, stem) for run in known), default=0)
    name = stem if number == 1 else f"{stem}-{number}"
    return PlannedRun(limited, model, _named(header, name), home.evals / name)


def _stored(home: Home, stem: str, key: str) -> list[StoredRun]:
    """The runs that were asked the very same, the newest last."""
    folders = [folder for folder in home.evals.glob(f"{stem}*") if (folder / HEADER).is_file()]
    runs = [run for run in map(read_run, folders) if run.header.key == key]
    return sorted(runs, key=lambda run: _number(run.folder.name, stem))


def _number(name: str, stem: str) -> int:
    rest = name.removeprefix(stem).removeprefix("-")
    return int(rest) if rest.isdecimal() else 1


def _named(header: RunHeader, name: str) -> RunHeader:
    from msgspec import structs

    return structs.replace(header, run=name)


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
        finished=_now(),
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


def _machine() -> dict[str, object]:
    import psutil

    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": psutil.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
