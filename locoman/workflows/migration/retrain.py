"""Trains again, on the new base, what the change of base asks for, and puts what passes its gate there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import Shelf
from locoman.catalog.sources import open_source
from locoman.documents import toml_of
from locoman.evaluation.verdict import Verdict
from locoman.migration.phases import required
from locoman.names import BaseRef
from locoman.progress import Stages
from locoman.store.atomic import mapped, write_atomic
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, load_registry
from locoman.store.transaction import change
from locoman.training.checkpoint import Look
from locoman.training.lora import Machine, libraries
from locoman.workflows.add import execute_add, plan_pairs
from locoman.workflows.collection import installed_base
from locoman.workflows.migration.documents import retrained
from locoman.workflows.migration.places import folder_of, journal_of
from locoman.workflows.migration.prepare import PreparePlan
from locoman.workflows.training.execute import EngineOf, ScorersOf, evaluate_trained, execute_train, forget_state
from locoman.workflows.training.plan import TrainOptions, plan_train


@dataclass(frozen=True, slots=True)
class Trainer:
    """What trains and who answers the cases afterwards; `look` hears how it goes."""

    machine: Machine
    engine_of: EngineOf
    scorers: ScorersOf
    look: Callable[[Look], None]


@dataclass(frozen=True, slots=True)
class Retrained:
    """A package that was trained again. It is on the new base only if it passed its gate there."""

    adapter: str
    folder: Path
    verdict: Verdict


def retrain(home: Home, shelf: Shelf, plan: PreparePlan, trainer: Trainer, stages: Stages) -> Iterator[Retrained]:
    """Trains one adapter after the other; a training that was killed goes on where it stopped.

    Raises ExtraMissing before anything is trained, and what planning, training and evaluating raise.
    """
    libraries()
    wanted = {name for name, _ in plan.retrain}
    for item in plan.checked:
        if item.adapter.name in wanted:
            yield _one(home, shelf, plan, item.adapter, trainer, stages)


def _one(
    home: Home, shelf: Shelf, plan: PreparePlan, adapter: InstalledAdapter, trainer: Trainer, stages: Stages
) -> Retrained:
    migration = plan.migration
    folder = folder_of(home, migration) / "retrained" / adapter.name
    _lay_out(home, plan, adapter, folder)
    training = plan_train(home, shelf, str(folder), TrainOptions(BaseRef(migration.new)))
    execute_train(home, training, trainer.machine, stages, trainer.look)
    judged = evaluate_trained(home, training, trainer.engine_of, trainer.scorers, stages).verdict
    forget_state(training)
    ref = read_package(folder).manifest.ref
    outcome = {"passed": judged.passed, "score": judged.adapter.value, "gain": judged.gain.value}
    journal_of(home, migration).write("retrain", adapter.name, str(ref), outcome)
    if judged.passed:
        with change(home) as tx:  # what is brought is written down first
            now = required(tx.registry.migration, "prepare")
            added = tuple(dict.fromkeys((*now.added, f"{migration.new}/{ref}")))
            tx.commit(tx.registry.with_migration(structs.replace(now, added=added)))
        source = open_source(str(folder), home.downloads)
        pairs = [(listing, source) for listing in source.listings()]
        execute_add(home, plan_pairs(home, pairs, BaseRef(migration.new)), stages)
    return Retrained(adapter.name, folder, judged)


def _lay_out(home: Home, plan: PreparePlan, adapter: InstalledAdapter, folder: Path) -> None:
    """The package without weights, its manifest for the new base; one that is there is trained on."""
    if (folder / "adapter.toml").is_file():
        return
    new = installed_base(load_registry(home.registry), BaseRef(plan.migration.new))
    package = read_package(home.root / adapter.package)
    left = shutil.ignore_patterns("weights", "adapter.gguf", "adapter.toml")
    with mapped(folder):
        shutil.copytree(package.folder, folder, ignore=left, dirs_exist_ok=True)
    write_atomic(folder / "adapter.toml", toml_of(retrained(package.manifest, new)).encode())
