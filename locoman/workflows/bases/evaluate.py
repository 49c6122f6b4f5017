"""Tries bases out, step by step, and says which is better. What was found is kept, and an evaluation goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from locoman import __version__
from locoman.catalog.spec import BaseSpec
from locoman.errors import LocomanError, MissingPrerequisite, UsageError
from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.dimensions import dimensions
from locoman.evaluation.selection.evidence import (
    MAX_CANDIDATES,
    BaseEvaluation,
    CandidateEvaluation,
    Practical,
    Step,
    StepName,
    Suites,
    Trainability,
)
from locoman.evaluation.selection.machine import this_machine
from locoman.evaluation.selection.ranking import rank
from locoman.evaluation.selection.requirements import check_all
from locoman.evaluation.selection.subject import Subject
from locoman.evaluation.suite import Suite
from locoman.store.registry import load_registry
from locoman.workflows.bases.notebook import Notebook, key_of
from locoman.workflows.bases.options import Options
from locoman.workflows.bases.steps import practical as practical_step
from locoman.workflows.bases.steps import suites as suites_step
from locoman.workflows.bases.steps.suites import collect_suites
from locoman.workflows.bases.trial import Bench, Trial, clear, open_trial
from locoman.workflows.bases.view import subjects

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What will be tried. `specs` are those of the subjects that have one, by name."""

    run: str
    folder: Path
    options: Options
    subjects: tuple[Subject, ...]
    specs: dict[str, BaseSpec]
    suites: tuple[Suite, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluation and where it was written."""

    evaluation: BaseEvaluation
    json: Path
    markdown: Path
    html: Path


def plan_evaluation(bench: Bench, names: Sequence[str], options: Options) -> EvaluationPlan:
    """What evaluating the named bases takes. Raises UnknownName, UsageError, InvalidFile."""
    if not names:
        raise UsageError("No base was named: give at least one, better two to compare.")
    chosen = subjects(bench.shelf, names)
    if len(chosen) > MAX_CANDIDATES:
        raise UsageError(f"{len(chosen)} bases are more than {MAX_CANDIDATES}.")
    run = options.run_name(tuple(each.name for each in chosen))
    specs = {spec.ref.name: spec for spec in bench.shelf.specs()}
    asked = collect_suites(bench.shelf, options) if "suites" in options.steps else ()
    if options.texts is not None:
        next(suites_step.read_texts(options.texts))
    if "training" in options.steps:
        from locoman.workflows.bases.steps.training import find_task

        find_task(bench.shelf, options)
    return EvaluationPlan(run, bench.home.evals / "bases" / run, options, chosen, specs, asked)


def evaluate(bench: Bench, plan: EvaluationPlan, ollama_url: str, *, fresh: bool = False) -> Evaluated:
    """Takes every step of every base; what a step lacks or fails at is told there and ends nothing else.

    With `fresh` nothing of an earlier run is used again. Raises StoreError.
    """
    notebook = Notebook(plan.folder)
    if fresh:
        clear(plan.folder)
    found = [_Candidate(bench, plan, notebook, subject, ollama_url).evaluate() for subject in plan.subjects]
    evaluation = BaseEvaluation(
        format=1,
        run=plan.run,
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=__version__,
        machine=this_machine(),
        options=plan.options.document(),
        candidates=tuple(found),
        ranking=rank(found),
    )
    return Evaluated(evaluation, *notebook.close(evaluation))


class _File(Struct, frozen=True):
    """The file that was tried."""

    bytes: int
    fingerprint: str


@dataclass(slots=True)
class _Candidate:
    """The steps of one base; mutable: they are noted as they are taken."""

    bench: Bench
    plan: EvaluationPlan
    notebook: Notebook
    subject: Subject
    ollama_url: str
    steps: list[Step] = field(default_factory=list)
    _trial: Trial | None = None

    def evaluate(self) -> CandidateEvaluation:
        """Filter and figures take no time and no spec; the rest is tried in a room of its own."""
        checks = check_all(self.subject, Wishes(date.today()))
        self._note("filter")
        self._note("figures")
        with ExitStack() as stack:
            hindrance = self._hindrance(checks)
            suites = self._take("suites", Suites, lambda: self._suites(stack), hindrance)
            training = self._take("training", Trainability, lambda: self._training(stack), hindrance)
            practical = self._take("practical", Practical, lambda: self._practical(stack), hindrance)
        file = self._file()
        return CandidateEvaluation(
            name=self.subject.name,
            title=self.subject.title,
            licence=self.subject.licence,
            parameters=self.subject.parameters or 0.0,
            quantization=self.subject.quantization,
            bytes=file.bytes,
            fingerprint=file.fingerprint,
            checks=checks if "filter" in self.plan.options.steps else (),
            dimensions=dimensions(self.subject),
            steps=tuple(self.steps),
            figures=self.subject.figures if "figures" in self.plan.options.steps else (),
            suites=suites,
            training=training,
            practical=practical,
        )

    def _note(self, step: StepName) -> None:
        wanted = step in self.plan.options.steps
        self.steps.append(Step(step, "done" if wanted else "skipped", reason="" if wanted else "not asked for"))

    def _hindrance(self, checks: tuple[Check, ...]) -> str:
        """Why the base is not tried out; "" when it is."""
        failed = [check.requirement for check in checks if check.outcome == "failed"]
        if failed and "filter" in self.plan.options.steps and not self.plan.options.eliminated_too:
            return f"it fails {', '.join(failed)} (--all tries it nevertheless)"
        if self.subject.name not in self.plan.specs:
            return f"it has no spec on this machine: locoman base add {self.subject.repository or self.subject.name}"
        return ""

    def _take(self, step: StepName, kind: type[T], make: Callable[[], T], hindrance: str) -> T | None:
        """The step's value: what is kept, or made now and kept; None where it was skipped or failed, as is noted."""
        if step not in self.plan.options.steps or hindrance:
            self.steps.append(Step(step, "skipped", reason=hindrance or "not asked for"))
            return None
        key = self._key(step)
        known = self.notebook.find(self.subject.name, step, key, kind)
        if known is not None:
            self.steps.append(Step(step, "done", known[1]))
            return known[0]
        begun = time.monotonic()
        try:
            value = make()
        except LocomanError as error:
            lacking = isinstance(error, MissingPrerequisite)
            remedy = f" ({error.remedy})" if isinstance(error, MissingPrerequisite) and error.remedy else ""
            seconds = time.monotonic() - begun
            self.steps.append(Step(step, "skipped" if lacking else "failed", seconds, f"{error}{remedy}"[:4000]))
            return None
        seconds = time.monotonic() - begun
        self.notebook.keep(self.subject.name, step, key, value, seconds)
        self.steps.append(Step(step, "done", seconds))
        return value

    def _key(self, step: StepName) -> str:
        options, what = self.plan.options, [step, __version__, self._identity()]
        if step == "suites":
            texts = options.texts.stat() if options.texts else None
            stamp = [str(options.texts), texts.st_size, texts.st_mtime_ns] if texts else []
            return key_of(*what, [suite.digest for suite in self.plan.suites], stamp)
        if step == "training":
            return key_of(*what, options.task, options.train_steps, options.limit)
        return key_of(*what, options.turns)

    def _suites(self, stack: ExitStack) -> Suites:
        return suites_step.ask_suites(self._open(stack), self.plan.suites, self.plan.options, self.bench.stages)

    def _training(self, stack: ExitStack) -> Trainability:
        from locoman.workflows.bases.steps import training

        training.require_torch()
        spec = self.plan.specs[self.subject.name]
        checkpoint = training.find_checkpoint(self.bench.home, spec, self.plan.options, self.bench.stages)
        task = training.find_task(self.bench.shelf, self.plan.options)
        work = self.notebook.work(self.subject.name)
        folder = work / self._key("training")[:16]  # a state of another training must not be gone on with
        found = training.train_quickly(
            self._open(stack), checkpoint, task, self.plan.options, folder, self.bench.stages
        )
        clear(work)
        return found

    def _practical(self, stack: ExitStack) -> Practical:
        return practical_step.use(self._open(stack), self.ollama_url, self.plan.options, self.bench.stages)

    def _open(self, stack: ExitStack) -> Trial:
        """The room, made at the first need and taken away at the end."""
        if self._trial is None:
            room = self.notebook.room(self.subject.name)
            stack.callback(clear, room)
            self._trial = stack.enter_context(open_trial(self.bench, self.plan.specs[self.subject.name], room))
            tried = _File(self._trial.base.bytes, self._trial.base.fingerprint)
            self.notebook.keep(self.subject.name, "file", self._identity(), tried, 0.0)
        return self._trial

    def _file(self) -> _File:
        """The file that was tried, now or before; else what is known of it."""
        name = self.subject.name
        spec = self.plan.specs.get(name)
        if spec is not None and (found := self.notebook.find(name, "file", self._identity(), _File)) is not None:
            return found[0]
        installed = load_registry(self.bench.home.registry).find_base(name)
        fingerprint = installed.fingerprint if installed else spec.spec.fingerprint if spec else ""
        return _File(self.subject.size or 0, fingerprint)

    def _identity(self) -> str:
        spec = self.plan.specs[self.subject.name]
        return key_of(spec.path.read_text(encoding="utf-8"), spec.chat_template())
