"""Takes a change of base back: the old base answers again, and what was brought for the change goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import structs

from locoman.migration.phases import required
from locoman.ollama.api import OllamaApi
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import InstalledAdapter, OllamaModel, Registry, load_registry
from locoman.store.transaction import change
from locoman.workflows.collection import with_router
from locoman.workflows.migration.places import journal_of
from locoman.workflows.remove import Removed, folder_bytes, own_bytes, remove_models


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What goes, and what stays because somebody else added it on the new base (`kept`); `bytes` become free."""

    migration: Migration
    base_goes: bool
    adapters: tuple[InstalledAdapter, ...]
    kept: tuple[str, ...]
    models: tuple[OllamaModel, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The base in use now, and what became of the models in Ollama."""

    base: str
    removed: Removed = field(default_factory=Removed)


def plan_rollback(home: Home) -> RollbackPlan:
    """What taking back the change that goes on would do. Raises WrongPhase, InvalidFile."""
    return _plan(home, load_registry(home.registry))


def execute_rollback(home: Home, api: OllamaApi) -> RolledBack:
    """Takes the change back in one commit, then takes models out of Ollama; those of an Ollama that does not answer stay
    recorded, for `sync --prune`. Raises WrongPhase, StoreError."""
    with change(home) as tx:
        plan = _plan(home, tx.registry)
        journal_of(home, plan.migration).write("rollback", data={"from": plan.migration.phase})
        registry = _without(tx.registry, plan)
        if not plan.base_goes and plan.adapters:
            registry = with_router(tx, registry, plan.migration.new)
        tx.commit(registry)
        return RolledBack(registry.base, remove_models(tx, api, plan.models))


def _plan(home: Home, registry: Registry) -> RollbackPlan:
    migration = required(registry.migration, "rollback")
    there = registry.adapters_of(migration.new)
    added = set(migration.added)
    adapters = tuple(a for a in there if f"{migration.new}/{a.ref}" in added)
    kept = tuple(str(a.ref) for a in there if a not in adapters)
    base = registry.find_base(migration.new)
    base_goes = base is not None and migration.new in added and not kept
    names = {str(a.ref) for a in adapters}
    models = [m for m in registry.ollama.models if m.base == migration.new and (base_goes or m.adapter in names)]
    models.sort(key=lambda model: not model.adapter)  # the base goes last: the others hold on to its file
    size = sum(folder_bytes(home, adapter) for adapter in adapters)
    if base is not None and base_goes:
        size += own_bytes(home, base)
    return RollbackPlan(migration, base_goes, adapters, kept, tuple(models), size)


def _without(registry: Registry, plan: RollbackPlan) -> Registry:
    migration = plan.migration
    gone = {(a.base, a.ref) for a in plan.adapters}
    names = {str(a.ref) for a in plan.adapters}
    adapters = tuple(a for a in registry.adapters if (a.base, a.ref) not in gone)
    bases = tuple(
        base if base.name != migration.new else structs.replace(
            base,
            active={d: a for d, a in base.active.items() if a not in names},
            previous={n: a for n, a in base.previous.items() if a not in names},
        )
        for base in registry.bases
        if not (plan.base_goes and base.name == migration.new)
    )  # fmt: skip
    over = structs.replace(migration, phase="rolled back", added=(), fallback={})
    registry = structs.replace(registry, bases=bases, adapters=adapters).with_migration(over)
    in_use = migration.old if registry.base == migration.new else registry.base
    return structs.replace(registry, base=in_use)
