"""The whole change before it is begun: what is fetched, how much room and time it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import Shelf
from locoman.errors import WrongPhase
from locoman.names import BaseRef
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import Registry, load_registry
from locoman.workflows.install import disk_free, plan_install
from locoman.workflows.migration.verdicts import is_ready
from locoman.workflows.provide.provider import Provider
from locoman.workflows.remove import folder_bytes

SECONDS_PER_CASE = 2.0
"""An answer of a 4 B base on a laptop without a GPU, several at a time: a guess until one was measured there."""
_ASKED = 3
"""Whoever answers each case: the adapter on either base, and the new base alone."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What the change takes. `cases` are asked by the check at most, in about `seconds`; bytes are what is added."""

    migration: Migration
    download_bytes: int
    disk_bytes: int
    disk_free: int
    memory_bytes: int
    adapters: tuple[str, ...]
    without_cases: tuple[str, ...]
    cases: int
    seconds: float


def plan_migration(home: Home, shelf: Shelf, providers: Sequence[Provider]) -> Outline:
    """The outline of the change that was announced. Raises WrongPhase, and what plan_install raises."""
    registry = load_registry(home.registry)
    migration = registry.migration
    if migration is None:
        raise WrongPhase("plan", "", "locoman migrate announce BASE")
    offer, memory = _offered(home, shelf, providers, registry, migration)
    old = registry.find_base(migration.old)
    adapters = [a for a in registry.active_of(old) if not is_ready(registry, migration, a)] if old is not None else []
    cases, without = 0, []
    for adapter in adapters:
        package = read_package(home.root / adapter.package)
        found = len(package.cases()) if package.evaluation_path.exists() else 0
        cases += found
        without += [] if found else [str(adapter.ref)]
    return Outline(
        migration,
        download_bytes=offer[0],
        disk_bytes=offer[1] + sum(folder_bytes(home, adapter) for adapter in adapters),
        disk_free=disk_free(home.root),
        memory_bytes=memory,
        adapters=tuple(str(adapter.ref) for adapter in adapters),
        without_cases=tuple(without),
        cases=cases * _ASKED,
        seconds=cases * _ASKED * SECONDS_PER_CASE,
    )


def _offered(
    home: Home, shelf: Shelf, providers: Sequence[Provider], registry: Registry, migration: Migration
) -> tuple[tuple[int, int], int]:
    """((bytes to fetch, bytes on disk) of the new base, 0 when it is here; its memory)."""
    spec = shelf.spec(BaseRef(migration.new))
    if registry.find_base(migration.new) is not None:
        return (0, 0), spec.spec.runtime.memory_bytes
    plan = plan_install(home, shelf, providers, BaseRef(migration.new), use=False)
    download = plan.offer.download_bytes if plan.offer is not None else 0
    return (download, plan.disk_bytes), plan.memory_bytes
