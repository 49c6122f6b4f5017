"""The collection of a base: its file, its installed adapters and the router that is fitted to them."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.errors import UnknownName
from locoman.names import BaseRef, nearest
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry
from locoman.store.transaction import Transaction


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


def with_router(change: Transaction, registry: Registry, name: str) -> Registry:
    """`registry` with a router for the base `name`, fitted to its active adapters and published (not committed)."""
    from locoman.routing.examples import AdapterExamples, everyday_questions
    from locoman.routing.fit import fit_router
    from locoman.routing.storage import save

    base = installed_base(registry, BaseRef(name))
    examples = []
    for package in active_packages(change.home, registry, base):
        lines = package.routing()
        examples.append(
            AdapterExamples(
                name=package.manifest.name,
                keywords=package.manifest.routing.keywords,
                minimum_confidence=package.manifest.routing.minimum_confidence,
                mine=tuple(line.text for line in lines if line.mine),
                not_mine=tuple(line.text for line in lines if not line.mine),
            )
        )
    staged = change.staging / "router.npz"
    save(fit_router(examples, everyday_questions()), staged)
    published = change.publish(staged, change.home.router / f"{sha256_of(staged)[:16]}.npz")
    return registry.with_base(structs.replace(base, router=published))
