"""Which suites are asked of whom, and what of it is known already."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from locoman import __version__
from locoman.evaluation.asking import SEED
from locoman.evaluation.journal import HEADER, RunHeader, StoredRun, read_run
from locoman.evaluation.overlap import refuse_overlap
from locoman.evaluation.runner import DEFAULT_PARALLEL
from locoman.names import BASE, AdapterRef, ModelName
from locoman.store.home import Home
from locoman.store.registry import Registry
from locoman.workflows.evaluation_subjects import ModelSubject, SuiteSubject, find_model, find_suites, on_base


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
        started=now(),
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
    return PlannedRun(limited, model, structs.replace(header, run=name), home.evals / name)


def _stored(home: Home, stem: str, key: str) -> list[StoredRun]:
    """The runs that were asked the very same, the newest last."""
    folders = [folder for folder in home.evals.glob(f"{stem}*") if (folder / HEADER).is_file()]
    runs = [run for run in map(read_run, folders) if run.header.key == key]
    return sorted(runs, key=lambda run: _number(run.folder.name, stem))


def _number(name: str, stem: str) -> int:
    rest = name.removeprefix(stem).removeprefix("-")
    return int(rest) if rest.isdecimal() else 1


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


def now() -> str:
    """The time by this machine's clock, in UTC, as journals write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
