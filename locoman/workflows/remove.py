"""Takes adapters or a base away: a plan that names what goes, then one commit, then the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from locoman.errors import OllamaRefused, OllamaUnavailable, UnknownName
from locoman.names import AdapterRef, BaseRef, nearest
from locoman.ollama.api import OllamaApi
from locoman.ollama.strategies.making import remove_model
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, OllamaModel, Registry, load_registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.collection import base_file, installed_base, with_router
from locoman.workflows.ollama_models import Holdings


@dataclass(frozen=True, slots=True)
class RemovePlan:
    """What goes: a whole base (with all of its adapters) or adapters of the base in use; `bytes` become free.

    `models` are those that locoman made of them in Ollama, which go too.
    """

    base: InstalledBase | None
    adapters: tuple[InstalledAdapter, ...]
    bytes: int
    models: tuple[OllamaModel, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of the models in Ollama: tags that went, and tags that are still recorded because Ollama does not answer."""

    models: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def plan_remove(home: Home, names: tuple[str, ...]) -> tuple[RemovePlan, ...]:
    """One plan per name (an adapter, "name@version" or a base). Raises UnknownName, NothingInstalled."""
    registry = load_registry(home.registry)
    return tuple(_plan(home, registry, name) for name in names)


def plan_remove_all(home: Home) -> tuple[RemovePlan, ...]:
    """A plan for each installed base, and one for models in Ollama whose base is gone already. Raises InvalidFile."""
    registry = load_registry(home.registry)
    plans = tuple(_plan(home, registry, base.name) for base in registry.bases)
    planned = {model.tag for plan in plans for model in plan.models}
    rest = tuple(model for model in registry.ollama.models if model.tag not in planned)
    return (*plans, RemovePlan(None, (), 0, rest)) if rest else plans


def plan_remove_base(home: Home, ref: BaseRef) -> RemovePlan:
    """The plan for a base. Raises UnknownName."""
    registry = load_registry(home.registry)
    return _plan(home, registry, installed_base(registry, ref).name)


def execute_remove(home: Home, plans: tuple[RemovePlan, ...], api: OllamaApi) -> Removed:
    """Carries out the plans in one commit, then takes the models out of Ollama. Raises StoreError.

    Where Ollama does not answer, the models stay recorded, for a later sync --prune.
    """
    with change(home) as tx:
        registry = tx.registry
        for plan in plans:
            registry = without(registry, plan)
        for base in registry.bases:
            if _answering(registry, base.name) != _answering(tx.registry, base.name):
                registry = with_router(tx, registry, base.name)
        tx.commit(registry)
        return remove_models(tx, api, [model for plan in plans for model in plan.models])


def remove_models(tx: Transaction, api: OllamaApi, models: Sequence[OllamaModel]) -> Removed:
    """Takes models of locoman out of Ollama and out of the registry, a commit each.

    Deletes those that still are as locoman made them, and forgets those that somebody else changed. What an Ollama that
    does not answer has stays recorded. Raises StoreError.
    """
    removed: list[str] = []
    try:
        for model in models:
            there = Holdings.of(api).manifest(model.tag)
            if there and there == model.manifest:
                remove_model(api, model.tag)
                removed.append(model.tag)
            tx.commit(structs.replace(tx.registry, ollama=tx.registry.ollama.without(model.tag)))
    except (OllamaUnavailable, OllamaRefused):
        left = tuple(model.tag for model in models if tx.registry.ollama.find(model.tag))
        return Removed(tuple(removed), left)
    return Removed(tuple(removed))


def _plan(home: Home, registry: Registry, name: str) -> RemovePlan:
    base = registry.find_base(name)
    if base is not None:
        adapters = registry.adapters_of(base.name)
        models = tuple(model for model in registry.ollama.models if model.base == base.name)
        # The base goes last: the models that stand on it hold on to its file.
        models = tuple(sorted(models, key=lambda model: not model.adapter))
        return RemovePlan(
            base, adapters, own_bytes(home, base) + sum(folder_bytes(home, adapter) for adapter in adapters), models
        )
    current = registry.current()
    ref = AdapterRef.parse(name)
    found = tuple(
        a for a in registry.adapters_of(current.name) if a.name == ref.name and ref.version in (None, a.ref.version)
    )
    if not found:
        known = [a.name for a in registry.adapters_of(current.name)] + [b.name for b in registry.bases]
        raise UnknownName("installed adapter or base", name, nearest(name, known))
    names = {str(adapter.ref) for adapter in found}
    models = tuple(m for m in registry.ollama.models if m.base == current.name and m.adapter in names)
    return RemovePlan(None, found, sum(folder_bytes(home, adapter) for adapter in found), models)


def without(registry: Registry, plan: RemovePlan) -> Registry:
    """`registry` with nothing of the plan in it."""
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


def own_bytes(home: Home, base: InstalledBase) -> int:
    """What the base's file takes in LOCOMAN_HOME; 0 for Ollama's."""
    path = base_file(home, base)
    return path.stat().st_size if base.origin != "ollama" and path.exists() else 0


def _answering(registry: Registry, name: str) -> frozenset[tuple[str, str]]:
    """Who answers on the base of that name."""
    base = installed_base(registry, BaseRef(name))
    return frozenset((a.base, str(a.ref)) for a in (*registry.active_of(base), *registry.fallback_of(base)))


def folder_bytes(home: Home, adapter: InstalledAdapter) -> int:
    """What the adapter's package takes."""
    return sum(path.stat().st_size for path in (home.root / adapter.package).rglob("*") if path.is_file())
