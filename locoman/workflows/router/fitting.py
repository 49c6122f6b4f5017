"""Fits the router of a base to its active adapters, and opens it; one that cannot be used is fitted again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import structs

from locoman.catalog.manifest import AdapterPackage
from locoman.contracts import Engine, Progress, no_progress
from locoman.errors import InvalidFile
from locoman.names import BaseRef
from locoman.routing.cascade import Router
from locoman.routing.fit import Fitted, fit_and_judge
from locoman.routing.models import Conflict, Encoder
from locoman.routing.storage import load_model, save
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.router.lessons import Lessons, gather
from locoman.workflows.router.vectors import Remembering, home_encoder, vectors_file

Say = Callable[[str], None]
"""Called with a sentence that somebody should hear."""

WORDS_ALONE = "The router's encoder is missing, so words alone decide. Next: locoman router encoder install"
FITTED_AGAIN = "The router's file was damaged, or of another version: it was fitted again."


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit came to: how many examples of how many adapters, with which encoder ("" = none), in how many seconds."""

    base: str
    adapters: int
    examples: int
    encoder: str
    seconds: float
    bytes: int
    conflicts: tuple[Conflict, ...]


def fit_lessons(lessons: Lessons, encoder: Encoder | None) -> Fitted:
    """The router for these lessons."""
    return fit_and_judge(lessons.adapters, lessons.none, encoder=encoder, wrong_cost=lessons.wrong_cost)


def remembering(home: Home, progress: Progress = no_progress) -> Encoder | None:
    """The home's encoder with the vectors it made before; None where there is none."""
    encoder = home_encoder(home)
    return None if encoder is None else Remembering(encoder, vectors_file(home), progress)


def refit(
    tx: Transaction, registry: Registry, base: InstalledBase, packages: Sequence[AdapterPackage]
) -> tuple[Registry, Fit]:
    """`registry` with a router for `base`, fitted to `packages` and published (not committed)."""
    begun = time.perf_counter()
    fitted = fit_lessons(gather(tx.home, packages), remembering(tx.home))
    staged = tx.staging / "router.npz"
    save(fitted.model, staged)
    size = staged.stat().st_size
    published = tx.publish(staged, tx.home.router / f"{sha256_of(staged)[:16]}.npz")
    learnt = fitted.model.learnt
    fit = Fit(
        base=base.name,
        adapters=len(fitted.model.adapters),
        examples=len(learnt.texts) if learnt else 0,
        encoder=learnt.meaning.encoder if learnt and learnt.meaning else "",
        seconds=time.perf_counter() - begun,
        bytes=size,
        conflicts=learnt.conflicts if learnt else (),
    )
    return registry.with_base(structs.replace(base, router=published)), fit


def fit_all(tx: Transaction) -> tuple[Fit, ...]:
    """Fits the router of every installed base again and commits; the base in use comes first."""
    from locoman.workflows.collection import active_packages

    registry, fits = tx.registry, []
    for base in sorted(tx.registry.bases, key=lambda base: base.name != tx.registry.base):
        registry, fit = refit(tx, registry, base, active_packages(tx.home, registry, base))
        fits.append(fit)
    tx.commit(registry)
    return tuple(fits)


def open_router(home: Home, base: InstalledBase, say: Say, engine: Callable[[], Engine] | None = None) -> Router:
    """The router of `base`, ready to decide. Raises StoreError, InvalidFile (an adapter's own files)."""
    from locoman.workflows.collection import active_packages, installed_base, router_file
    from locoman.workflows.router.arbitration import arbiter_of

    try:
        model = load_model(router_file(home, base))
    except InvalidFile:
        with change(home) as tx:
            current = installed_base(tx.registry, BaseRef(base.name))
            registry, _ = refit(tx, tx.registry, current, active_packages(home, tx.registry, current))
            tx.commit(registry)
            base = installed_base(registry, BaseRef(base.name))
        model = load_model(router_file(home, base))
        say(FITTED_AGAIN)
    encoder = home_encoder(home)
    if model.learnt is not None and model.learnt.meaning is not None and encoder is None:
        say(WORDS_ALONE)
    return Router.of(model, encoder, arbiter_of(home, base, engine) if engine is not None else None)
