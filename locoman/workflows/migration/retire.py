"""Ends the support of the old base: it goes with its adapters, and the change of base is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from msgspec import structs

from locoman.errors import CheckFailed
from locoman.migration.phases import required
from locoman.names import BaseRef
from locoman.ollama.api import OllamaApi
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import load_registry
from locoman.store.transaction import change
from locoman.workflows.collection import with_router
from locoman.workflows.migration.places import journal_of
from locoman.workflows.remove import Removed, RemovePlan, plan_remove_base, remove_models, without


@dataclass(frozen=True, slots=True)
class RetirePlan:
    """What goes; `orphans` are adapters that have no version for the new base and answer no more. `early`: days to wait.

    `removal` None: the old base was removed already.
    """

    migration: Migration
    removal: RemovePlan | None
    orphans: tuple[str, ...]
    early: int


def plan_retire(home: Home, today: date) -> RetirePlan:
    """What retiring the old base would do. Raises WrongPhase, InvalidFile."""
    registry = load_registry(home.registry)
    migration = required(registry.migration, "retire")
    removal = plan_remove_base(home, BaseRef(migration.old)) if registry.find_base(migration.old) else None
    orphans = tuple(str(adapter.ref) for adapter in registry.fallback_of(registry.current()))
    early = (date.fromisoformat(migration.support_ends) - today).days
    return RetirePlan(migration, removal, orphans, early)


def execute_retire(home: Home, api: OllamaApi, plan: RetirePlan, override: str = "") -> Removed:
    """Ends it in one commit, then takes the old base's models out of Ollama.

    Raises CheckFailed (the old base is still supported), WrongPhase, StoreError.
    """
    if plan.early > 0 and not override.strip():
        sentence = f"{plan.migration.old} is kept until {plan.migration.support_ends}, {plan.early} more days."
        raise CheckFailed(f"{sentence} With --override REASON it goes now.")
    with change(home) as tx:
        now = required(tx.registry.migration, "retire")
        overrides = (*now.overrides, *([f"support cut short: {override.strip()}"] if plan.early > 0 else []))
        over = structs.replace(now, phase="retired", added=(), fallback={}, overrides=overrides)
        registry = tx.registry.with_migration(over)
        if plan.removal is not None:
            registry = without(registry, plan.removal)
        registry = with_router(tx, registry, now.new)
        journal_of(home, now).write("retire", data={"overrides": list(overrides)})
        tx.commit(registry)
        return remove_models(tx, api, plan.removal.models if plan.removal is not None else ())
