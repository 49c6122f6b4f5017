"""Takes adapters or a base away: a plan that names what goes, then one commit, then the files."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from locoman.errors import UnknownName
from locoman.names import AdapterRef, nearest
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry, load_registry
from locoman.store.transaction import change
from locoman.workflows.collection import base_file, with_router


@dataclass(frozen=True, slots=True)
class RemovePlan:
    """What goes: a whole base (with all of its adapters) or adapters of the base in use; `bytes` become free."""

    base: InstalledBase | None
    adapters: tuple[InstalledAdapter, ...]
    bytes: int


def plan_remove(home: Home, names: tuple[str, ...]) -> tuple[RemovePlan, ...]:
    """One plan per name (an adapter, "name@version" or a base). Raises UnknownName, NothingInstalled."""
    registry = load_registry(home.registry)
    return tuple(_plan(home, registry, name) for name in names)


def execute_remove(home: Home, plans: tuple[RemovePlan, ...]) -> None:
    """Carries out the plans in one commit. Raises StoreError."""
    with change(home) as tx:
        registry = tx.registry
        for plan in plans:
            registry = _without(registry, plan)
        for base in registry.bases:
            if base.active != next(old.active for old in tx.registry.bases if old.name == base.name):
                registry = with_router(tx, registry, base.name)
        tx.commit(registry)


def _plan(home: Home, registry: Registry, name: str) -> RemovePlan:
    base = registry.find_base(name)
    if base is not None:
        adapters = registry.adapters_of(base.name)
        own = base_file(home, base).stat().st_size if base.origin != "ollama" and base_file(home, base).exists() else 0
        return RemovePlan(base, adapters, own + sum(_size(home, adapter) for adapter in adapters))
    current = registry.current()
    ref = AdapterRef.parse(name)
    found = tuple(
        a for a in registry.adapters_of(current.name) if a.name == ref.name and ref.version in (None, a.ref.version)
    )
    if not found:
        known = [a.name for a in registry.adapters_of(current.name)] + [b.name for b in registry.bases]
        raise UnknownName("installed adapter or base", name, nearest(name, known))
    return RemovePlan(None, found, sum(_size(home, adapter) for adapter in found))


def _without(registry: Registry, plan: RemovePlan) -> Registry:
    gone = {(a.base, a.ref) for a in plan.adapters}
    adapters = tuple(a for a in registry.adapters if (a.base, a.ref) not in gone)
    names = {str(a.ref) for a in plan.adapters}
    if plan.base is not None:
        bases = tuple(b for b in registry.bases if b.name != plan.base.name)
        in_use = registry.base if registry.base != plan.base.name else (bases[0].name if bases else "")
        return structs.replace(registry, base=in_use, bases=bases, adapters=adapters)
    owners = {a.base for a in plan.adapters}
    bases = tuple(
        structs.replace(
            b,
            active={d: a for d, a in b.active.items() if a not in names},
            previous={n: a for n, a in b.previous.items() if a not in names},
        )
        if b.name in owners
        else b
        for b in registry.bases
    )
    return structs.replace(registry, bases=bases, adapters=adapters)


def _size(home: Home, adapter: InstalledAdapter) -> int:
    return sum(path.stat().st_size for path in (home.root / adapter.package).rglob("*") if path.is_file())
