"""Fits the router of a base to its active adapters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from locoman.catalog.manifest import AdapterPackage
from locoman.errors import UnusableEncoder
from locoman.progress import Progress, no_progress
from locoman.routing.fit import Fitted, fit_and_judge
from locoman.routing.models import Conflict, Encoder
from locoman.routing.storage import save
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry
from locoman.store.transaction import Transaction
from locoman.workflows.router.feedback import Remark
from locoman.workflows.router.installed_encoder import Say, nobody_hears, working_encoder
from locoman.workflows.router.lessons import Lessons, gather
from locoman.workflows.router.oddities import idle_wishes, shared_phrases
from locoman.workflows.router.vectors import Remembering, vectors_file
from locoman.workflows.router.wishes import read_wishes


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit came to: how many examples of how many adapters, with which encoder ("" = none), in how many seconds. `notes`
    are sentences that somebody should hear."""

    base: str
    adapters: int
    examples: int
    encoder: str
    seconds: float
    bytes: int
    conflicts: tuple[Conflict, ...]
    notes: tuple[str, ...] = ()


def fit_lessons(lessons: Lessons, encoder: Encoder | None) -> Fitted:
    """The router for these lessons."""
    fitted = fit_and_judge(lessons.adapters, lessons.none, encoder=encoder, wrong_cost=lessons.wrong_cost)
    return replace(fitted, model=replace(fitted.model, said=lessons.said))


def remembering(home: Home, progress: Progress = no_progress, say: Say = nobody_hears) -> Encoder | None:
    """The home's encoder with the vectors it made before; None where there is none that works, which `say` hears."""
    encoder = working_encoder(home, say)
    return None if encoder is None else Remembering(encoder, vectors_file(home), progress)


def refit(
    tx: Transaction,
    registry: Registry,
    base: InstalledBase,
    packages: Sequence[AdapterPackage],
    remarks: Sequence[Remark] | None = None,
) -> tuple[Registry, Fit]:
    """`registry` with a router for `base`, fitted to `packages` and published (not committed). `remarks` as in `gather`."""
    begun = time.perf_counter()
    lessons = gather(tx.home, packages, remarks)
    notes = [
        *idle_wishes(read_wishes(tx.home), registry.names()),
        *shared_phrases(lessons.adapters),
        *(keyword.sentence for keyword in lessons.powerless),
    ]
    encoder = remembering(tx.home, say=notes.append)
    try:
        fitted = fit_lessons(lessons, encoder)
    except UnusableEncoder:  # while it worked; the notes have it
        fitted = fit_lessons(lessons, None)
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
        notes=tuple(notes),
    )
    return registry.with_base(structs.replace(base, router=published)), fit


def fit_all(tx: Transaction) -> tuple[Fit, ...]:
    """Fits the router of every installed base again and commits; the base in use comes first."""
    registry, fits = refit_all(tx, tx.registry)
    tx.commit(registry)
    return fits


def refit_all(
    tx: Transaction, registry: Registry, remarks: Sequence[Remark] | None = None
) -> tuple[Registry, tuple[Fit, ...]]:
    """`registry` with a new router for each of its bases, published and not committed; the base in use comes first.

    `remarks` as in `gather`.
    """
    from locoman.workflows.collection import answering_packages

    fits = []
    for base in sorted(registry.bases, key=lambda base: base.name != registry.base):
        registry, fit = refit(tx, registry, base, answering_packages(tx.home, registry, base), remarks)
        fits.append(fit)
    return registry, tuple(fits)
