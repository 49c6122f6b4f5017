"""Prepares what is checked: on the new base answer those that move, and nobody else that was only tried there."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from locoman.migration.phases import required
from locoman.names import BaseRef
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import Registry, load_registry
from locoman.store.transaction import change
from locoman.workflows.collection import installed_base, with_router
from locoman.workflows.migration import verdicts
from locoman.workflows.migration.places import journal_of
from locoman.workflows.migration.verdicts import Checked, carried_ref


@dataclass(frozen=True, slots=True)
class PreparePlan:
    """What becomes of each adapter; `retrain` pairs those that want it with the command."""

    migration: Migration
    checked: tuple[Checked, ...]

    @property
    def retrain(self) -> tuple[tuple[str, str], ...]:
        """(adapter, command) of those that are to be trained again."""
        return tuple(
            (item.adapter.name, verdicts.retrain_command(item.adapter, self.migration))
            for item in self.checked
            if item.to_retrain
        )

    @property
    def unknown(self) -> tuple[str, ...]:
        """Those that were not checked as they are now; they stay on the old base."""
        return tuple(str(item.adapter.ref) for item in self.checked if not item.known)


def plan_prepare(home: Home) -> PreparePlan:
    """What preparing would do. Raises WrongPhase, InvalidFile."""
    return _plan(home, load_registry(home.registry))


def execute_prepare(home: Home) -> PreparePlan:
    """Settles in one commit who answers on the new base. Raises WrongPhase, StoreError, InvalidFile."""
    with change(home) as tx:
        plan = _plan(home, tx.registry)
        registry = _settled(tx.registry, plan)
        registry = registry.with_migration(structs.replace(plan.migration, phase="prepared"))
        registry = with_router(tx, registry, plan.migration.new)
        journal_of(home, plan.migration).write("prepare", data={i.adapter.name: i.fate for i in plan.checked})
        tx.commit(registry)
        return plan


def _plan(home: Home, registry: Registry) -> PreparePlan:
    migration = required(registry.migration, "prepare")
    return PreparePlan(migration, verdicts.read_all(journal_of(home, migration), registry, migration))


def _settled(registry: Registry, plan: PreparePlan) -> Registry:
    """Without the copies that were made to try what does not move."""
    base = installed_base(registry, BaseRef(plan.migration.new))
    moving = {carried_ref(item.adapter.ref) for item in plan.checked if item.fate == "moves" and not item.ready}
    tried = {carried_ref(item.adapter.ref) for item in plan.checked}
    added = set(plan.migration.added)
    gone = {ref for ref in tried - moving if f"{base.name}/{ref}" in added}
    names = {str(ref) for ref in gone}
    adapters = tuple(a for a in registry.adapters if a.base != base.name or a.ref not in gone)
    active = {domain: ref for domain, ref in base.active.items() if ref not in names}
    previous = {name: ref for name, ref in base.previous.items() if ref not in names}
    return structs.replace(registry, adapters=adapters).with_base(
        structs.replace(base, active=active, previous=previous)
    )
