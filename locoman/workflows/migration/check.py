"""Checks every adapter against the new base: cheap levels for all, then the cases of those about which they leave doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import Shelf
from locoman.contracts import Engine
from locoman.migration.check import cheap_evidence, check_adapter, who_is_asked
from locoman.migration.levels.behaviour import WEIGHTS_IN_QUESTION
from locoman.migration.phases import required
from locoman.migration.scores import Asked, Measure, Scores
from locoman.migration.subject import Candidate, Subject, read_candidate, subject_of
from locoman.migration.thresholds import thresholds
from locoman.migration.verdict import ruled_out
from locoman.names import AdapterRef, BaseRef, ModelName
from locoman.progress import Stages
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import InstalledAdapter, Registry, load_registry
from locoman.store.transaction import Transaction, change
from locoman.weights.fingerprint import Fingerprint
from locoman.workflows.activate import with_active
from locoman.workflows.collection import base_file, installed_base, with_router
from locoman.workflows.evaluate import MakeScorer, execute_evaluation
from locoman.workflows.evaluation_plan import EngineFacts, EvaluationOptions, plan_evaluation
from locoman.workflows.install import execute_install, plan_install
from locoman.workflows.migration import verdicts
from locoman.workflows.migration.carry import carried, stage_carried
from locoman.workflows.migration.places import journal_of
from locoman.workflows.migration.verdicts import Checked
from locoman.workflows.provide.provider import Provider


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """Who is checked: `todo` now, `known` earlier with the same outcome; the candidate is installed first if it is not."""

    migration: Migration
    install: bool
    todo: tuple[InstalledAdapter, ...]
    known: tuple[Checked, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Asker:
    """Who answers the cases, and how answers are scored."""

    engine: Engine
    facts: EngineFacts
    scorer: MakeScorer


def plan_check(home: Home, names: Sequence[str] = (), limit: int = 0) -> CheckPlan:
    """The check of the adapters that answer on the old base, or of `names` alone, with `limit` cases of each (0: all).

    Raises WrongPhase, UnknownName, InvalidFile.
    """
    registry = load_registry(home.registry)
    migration = required(registry.migration, "check")
    old = installed_base(registry, BaseRef(migration.old))
    adapters = registry.active_of(old)
    if names:
        chosen = {registry.find_adapter(old.name, AdapterRef.parse(name)).name for name in names}
        adapters = tuple(adapter for adapter in adapters if adapter.name in chosen)
    new = registry.find_base(migration.new)
    if new is None:
        return CheckPlan(migration, True, adapters, (), limit)
    journal, rule = journal_of(home, migration), thresholds()
    checked = [
        Checked(
            adapter,
            verdicts.read(journal, adapter, verdicts.key_of(adapter, new, rule, limit)),
            verdicts.is_ready(registry, migration, adapter),
        )
        for adapter in adapters
    ]
    todo = tuple(item.adapter for item in checked if not item.known)
    return CheckPlan(migration, False, todo, tuple(item for item in checked if item.known), limit)


def execute_check(
    home: Home,
    shelf: Shelf,
    providers: Sequence[Provider],
    asker: Asker,
    plan: CheckPlan,
    stages: Stages,
) -> tuple[Checked, ...]:
    """Carries out `plan`; each verdict is on disk before the next is looked for, each answered case too.

    Raises LocomanError; what was finished is not done again.
    """
    migration = plan.migration
    if plan.install:
        _install(home, shelf, providers, migration, stages)
        plan = plan_check(home, [adapter.name for adapter in plan.todo], plan.limit)
    check = _Check(home, shelf, asker, migration, plan.limit, stages)
    subjects = {adapter: check.subject(adapter) for adapter in plan.todo}
    cheap = {adapter: cheap_evidence(subject, check.candidate) for adapter, subject in subjects.items()}
    check.install_trials([adapter for adapter, evidence in cheap.items() if not ruled_out(evidence)])
    measures = {adapter: check.measure(adapter) for adapter in plan.todo}
    for who in WEIGHTS_IN_QUESTION:  # all on one base, then all on the other: memory may have room for one at a time
        for adapter, evidence in cheap.items():
            if who in who_is_asked(evidence):
                measures[adapter]([who])
    done = list(plan.known)
    for adapter, subject in subjects.items():
        verdict = check_adapter(subject, check.candidate, measures[adapter], cheap=cheap[adapter])
        verdicts.write(journal_of(home, migration), adapter, check.key(adapter), verdict)
        done.append(Checked(adapter, verdict))
    _reached(home, migration)
    return tuple(sorted(done, key=lambda item: item.adapter.name))


def _install(home: Home, shelf: Shelf, providers: Sequence[Provider], migration: Migration, stages: Stages) -> None:
    """Brings the candidate here, beside the base in use. What is brought is written down first."""
    plan = plan_install(home, shelf, providers, BaseRef(migration.new), use=False)
    with change(home) as tx:
        now = required(tx.registry.migration, "check")
        brought = (migration.new, *(f"{migration.new}/{step.ref}" for step in plan.adapters))
        added = tuple(dict.fromkeys((*now.added, *brought)))
        tx.commit(tx.registry.with_migration(structs.replace(now, added=added)))
    execute_install(home, plan, stages)


def _reached(home: Home, migration: Migration) -> None:
    """The phase is "checked" once every adapter has its verdict."""
    with change(home) as tx:
        now = required(tx.registry.migration, "check")
        all_of_them = verdicts.read_all(journal_of(home, now), tx.registry, now)
        if now.phase == "announced" and all(item.known for item in all_of_them):
            tx.commit(tx.registry.with_migration(structs.replace(now, phase="checked")))


class _Check:
    """One check: the two bases, and who is asked."""

    def __init__(
        self,
        home: Home,
        shelf: Shelf,
        asker: Asker,
        migration: Migration,
        limit: int,
        stages: Stages,
    ) -> None:
        registry = load_registry(home.registry)
        self._home, self._asker, self._limit, self._stages = home, asker, limit, stages
        self.old = installed_base(registry, BaseRef(migration.old))
        self.new = installed_base(registry, BaseRef(migration.new))
        spec = shelf.spec(BaseRef(migration.new)).spec
        self.candidate: Candidate = read_candidate(
            migration.new,
            base_file(home, self.new),
            Fingerprint.parse(self.new.fingerprint),
            spec.licence,
            spec.runtime.quantization,
        )

    def subject(self, adapter: InstalledAdapter) -> Subject:
        """The adapter as the levels see it. Raises InvalidFile."""
        return subject_of(read_package(self._home.root / adapter.package), Fingerprint.parse(self.old.fingerprint))

    def key(self, adapter: InstalledAdapter) -> str:
        """See `verdicts.key_of`."""
        return verdicts.key_of(adapter, self.new, thresholds(), self._limit)

    def install_trials(self, adapters: Sequence[InstalledAdapter]) -> None:
        """Brings copies of the adapters to the new base, all in one commit, so that they can be asked there."""
        with change(self._home) as tx:
            now = required(tx.registry.migration, "check")
            registry, brought = self._with_trials(tx, adapters)
            if brought:
                added = tuple(dict.fromkeys((*now.added, *(f"{self.new.name}/{a.ref}" for a in brought))))
                base = with_active(installed_base(registry, BaseRef(self.new.name)), brought)
                registry = registry.with_base(base).with_migration(structs.replace(now, added=added))
                tx.commit(with_router(tx, registry, base.name))

    def _with_trials(
        self, tx: Transaction, adapters: Sequence[InstalledAdapter]
    ) -> tuple[Registry, list[InstalledAdapter]]:
        registry, brought = tx.registry, []
        there = {str(adapter.ref) for adapter in tx.registry.adapters_of(self.new.name)}
        for adapter in adapters:
            package = read_package(self._home.root / adapter.package)
            if str(carried(package.manifest, self.new).ref) in there:
                continue
            record = stage_carried(tx, self.new, package, adapter.source, self._stages(f"Adapter {adapter.name}"))
            registry = registry.with_adapter(record)
            brought.append(record)
        return registry, brought

    def measure(self, adapter: InstalledAdapter) -> Measure:
        """Asks the adapter's own cases. Of what was asked before, the answers that are on disk count."""
        package = read_package(self._home.root / adapter.package)

        def ask(asked: Sequence[Asked]) -> Scores:
            if not package.evaluation_path.exists():
                return {}
            return {who: self._scores(who, adapter) for who in asked}

        return ask

    def _scores(self, who: Asked, adapter: InstalledAdapter) -> list[float]:
        base = self.old if "old" in who else self.new
        model = ModelName("adapter", AdapterRef(adapter.name)) if who.startswith("adapter") else None
        options = EvaluationOptions(adapter=model, base=model is None, on=base.name, limit=self._limit)
        word = str(self._home.root / adapter.package)
        plan = plan_evaluation(self._home, load_registry(self._home.registry), self._asker.facts, word, options)
        evaluation = execute_evaluation(plan, self._asker.engine, self._asker.scorer, self._stages)
        return [result.value for outcome in evaluation.outcomes for result in outcome.stored.results]
