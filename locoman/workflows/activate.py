"""Chooses what answers: the base in use, or which version of an adapter answers for its domain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import structs

from locoman.errors import UsageError
from locoman.names import AdapterRef, BaseRef
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, load_registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.collection import installed_base, with_router


@dataclass(frozen=True, slots=True)
class UsePlan:
    """What another base in use means: who answers, which models of it Ollama has of locoman, and which adapters it lacks.

    `missing` is empty where the adapters are not meant to be in Ollama.
    """

    base: str
    before: str
    adapters: tuple[str, ...]
    models: tuple[str, ...]
    missing: tuple[str, ...]


def plan_use(home: Home, ref: BaseRef) -> UsePlan:
    """What `use_base` will change. Raises UnknownName, NothingInstalled."""
    registry = load_registry(home.registry)
    base = installed_base(registry, ref)
    adapters = tuple(str(adapter.ref) for adapter in registry.active_of(base))
    models = [model for model in registry.ollama.models if model.base == base.name]
    there = {model.adapter for model in models}
    wanted = registry.ollama.strategy not in ("", "auto", "hotswap")
    missing = tuple(adapter for adapter in adapters if wanted and adapter not in there)
    return UsePlan(base.name, registry.base, adapters, tuple(model.tag for model in models), missing)


def use_base(home: Home, ref: BaseRef) -> InstalledBase:
    """Makes an installed base the one in use. Raises UnknownName."""
    with change(home) as tx:
        base = installed_base(tx.registry, ref)
        tx.commit(structs.replace(tx.registry, base=base.name))
        return base


def activate_adapter(home: Home, ref: AdapterRef) -> InstalledAdapter:
    """Makes an installed adapter (version) the one that answers for its domain on the base in use. Raises UnknownName."""
    with change(home) as tx:
        base = tx.registry.current()
        adapter = tx.registry.find_adapter(base.name, ref)
        return _activate(tx, base, adapter)


def roll_back(home: Home, name: str) -> InstalledAdapter:
    """Makes that version of an adapter active which was so before; without one that is known, the next lower version.

    Raises UnknownName, UsageError (there is no other version).
    """
    with change(home) as tx:
        base = tx.registry.current()
        now = tx.registry.find_adapter(base.name, AdapterRef(name))
        others = [a for a in tx.registry.adapters_of(base.name) if a.name == name and a.ref != now.ref]
        before = next((a for a in others if str(a.ref) == base.previous.get(name)), None)
        lower = [a for a in others if a.ref.number < now.ref.number]
        chosen = before or max(lower, key=lambda a: a.ref.number, default=None)
        if chosen is None:
            raise UsageError(f"There is no version of {name} to go back to: {now.ref} is the lowest that is installed.")
        return _activate(tx, base, chosen)


def with_active(base: InstalledBase, adapters: Iterable[InstalledAdapter]) -> InstalledBase:
    """`base` with `adapters` active, each for its domain and in no other; what was active before is remembered."""
    active, previous = dict(base.active), dict(base.previous)
    for adapter in adapters:
        before = [
            ref for ref in active.values() if AdapterRef.parse(ref).name == adapter.name and ref != str(adapter.ref)
        ]
        if before:
            previous[adapter.name] = before[0]
        active = {domain: ref for domain, ref in active.items() if AdapterRef.parse(ref).name != adapter.name}
        active[adapter.domain] = str(adapter.ref)
    return structs.replace(base, active=active, previous=previous)


def _activate(tx: Transaction, base: InstalledBase, adapter: InstalledAdapter) -> InstalledAdapter:
    changed = with_active(base, [adapter])
    if changed.active != base.active:
        tx.commit(with_router(tx, tx.registry.with_base(changed), base.name))
    return adapter
