"""The collection of a base: its file, its installed adapters and the router that is fitted to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.errors import UnknownName
from locoman.names import BaseRef, nearest
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry

if TYPE_CHECKING:
    from locoman.store.transaction import Transaction  # whoever routes from the shell waits for every import


def base_file(home: Home, base: InstalledBase) -> Path:
    """The base's GGUF: inside the home, or Ollama's own blob."""
    return home.root / base.gguf


def router_file(home: Home, base: InstalledBase) -> Path:
    """The base's fitted router; a path that is no file before the first fit."""
    return home.root / base.router


def installed_base(registry: Registry, ref: BaseRef | None) -> InstalledBase:
    """The named base, or the one in use. Raises UnknownName, NothingInstalled."""
    if ref is None:
        return registry.current()
    base = registry.find_base(ref.name)
    if base is None:
        raise UnknownName("installed base", ref.name, nearest(ref.name, [b.name for b in registry.bases]))
    return base


def active_packages(home: Home, registry: Registry, base: InstalledBase) -> tuple[AdapterPackage, ...]:
    """The packages of the adapters that answer on `base`, sorted by name. Raises InvalidFile."""
    return tuple(read_package(home.root / adapter.package) for adapter in registry.active_of(base))


def answering_packages(home: Home, registry: Registry, base: InstalledBase) -> tuple[AdapterPackage, ...]:
    """As `active_packages`, with those that answer beside `base` on the base before it: what its router chooses among."""
    fallback = registry.fallback_of(base)
    return (*active_packages(home, registry, base), *(read_package(home.root / a.package) for a in fallback))


def with_router(change: Transaction, registry: Registry, name: str) -> Registry:
    """`registry` with a router for the base `name`, fitted to who answers on it and published (not committed)."""
    from locoman.workflows.router.fitting import refit

    base = installed_base(registry, BaseRef(name))
    return refit(change, registry, base, answering_packages(change.home, registry, base))[0]
