"""The change itself: everything that the new base needs is made beside the old one's, then one write of the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from msgspec import structs

from locoman.catalog.shelf import Shelf
from locoman.errors import CheckFailed
from locoman.migration.phases import required
from locoman.names import BaseRef
from locoman.ollama.api import OllamaApi
from locoman.progress import Stages
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import Registry, load_registry
from locoman.store.transaction import change
from locoman.workflows.collection import with_router
from locoman.workflows.migration import verdicts
from locoman.workflows.migration.documents import publish_documents
from locoman.workflows.migration.places import journal_of
from locoman.workflows.sync import execute_sync
from locoman.workflows.sync_plan import SyncPlan, plan_sync


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """The change as it will be: who moved, who answers on from the old base, who is not needed any more.

    `early`: days until it may be applied. `sync`: what is made in Ollama before; None where nothing of locoman's is there.
    """

    migration: Migration
    moved: tuple[str, ...]
    fallback: dict[str, str]
    gone: tuple[str, ...]
    early: int
    sync: SyncPlan | None


def plan_apply(home: Home, shelf: Shelf, api: OllamaApi, today: date, *, ollama: bool = True) -> ApplyPlan:
    """The change, shown before it is made; `ollama` False leaves Ollama for a later `sync`.

    Raises WrongPhase, InvalidFile, and what plan_sync raises.
    """
    registry = load_registry(home.registry)
    migration = required(registry.migration, "apply")
    sync = None
    if ollama and registry.ollama.models:
        sync = plan_sync(home, shelf, api, "", base=BaseRef(migration.new))
    return _plan(home, registry, today, sync)


def execute_apply(
    home: Home, shelf: Shelf, api: OllamaApi, plan: ApplyPlan, stages: Stages, override: str = ""
) -> Migration:
    """Makes it so, and returns the change as it is in force now; `override` is the reason to do it before its day.

    Raises CheckFailed (it is too early), WrongPhase, and what execute_sync raises; then the old base answers as before.
    """
    if plan.early > 0 and not override.strip():
        sentence = f"This change takes effect on {plan.migration.effective}, in {plan.early} days."
        raise CheckFailed(f"{sentence} With --override REASON it is applied now.")
    if plan.sync is not None:
        execute_sync(home, shelf, api, plan.sync, stages)
    with change(home) as tx:
        now = _plan(home, tx.registry, date.fromisoformat(plan.migration.effective), None)
        overrides = (*now.migration.overrides, *([f"too early: {override.strip()}"] if plan.early > 0 else []))
        migration = structs.replace(now.migration, phase="switched", fallback=now.fallback, overrides=overrides)
        registry = structs.replace(tx.registry, base=migration.new).with_migration(migration)
        registry = with_router(tx, registry, migration.new)
        publish_documents(tx, shelf, registry, migration)
        journal_of(home, migration).write("apply", data={"fallback": now.fallback, "overrides": list(overrides)})
        tx.commit(registry)
    return migration


def _plan(home: Home, registry: Registry, today: date, sync: SyncPlan | None) -> ApplyPlan:
    migration = required(registry.migration, "apply")
    checked = verdicts.read_all(journal_of(home, migration), registry, migration)
    fallback = {item.adapter.domain: str(item.adapter.ref) for item in checked if item.fate == "stays"}
    moved = tuple(str(item.adapter.ref) for item in checked if item.fate == "moves")
    gone = tuple(str(item.adapter.ref) for item in checked if item.fate == "goes")
    early = (date.fromisoformat(migration.effective) - today).days
    return ApplyPlan(migration, moved, fallback, gone, early, sync)
