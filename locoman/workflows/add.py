"""Adds adapters from their sources, new ones and newer versions: a plan, then everything in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.catalog.sources.folder import FolderSource
from locoman.contracts import Listing, Source
from locoman.errors import BadDelivery, NotEnoughDisk, WrongBase
from locoman.names import AdapterRef, BaseRef
from locoman.progress import Stages
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, Registry, load_registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.activate import with_active
from locoman.workflows.adapter_files import DISK_SHARE, finish_adapter, installed_whole, named_as_given
from locoman.workflows.collection import answering_packages, installed_base, router_file, with_router
from locoman.workflows.install import disk_free
from locoman.workflows.offers import Offers


@dataclass(frozen=True, slots=True)
class AddStep:
    """One adapter: "install" it, "activate" a version that is installed, or "keep" what answers already.

    `replaces` is the version that answers now, "" when there is none. Bytes as in `Listing`, 0 where nothing is done.
    """

    action: Literal["install", "activate", "keep"]
    listing: Listing
    source: Source
    replaces: str = ""

    @property
    def download_bytes(self) -> int:
        """To be fetched."""
        return self.listing.bytes if self.action == "install" else 0

    @property
    def disk_bytes(self) -> int:
        """On this disk, the fetched archive included until the adapter is installed."""
        return int(self.listing.disk_bytes * DISK_SHARE) + self.listing.bytes if self.action == "install" else 0


@dataclass(frozen=True, slots=True)
class AddPlan:
    """What is added to the base `base`. `failed` pairs sources that could not be asked with the reason."""

    base: str
    steps: tuple[AddStep, ...]
    failed: tuple[tuple[str, str], ...]
    disk_free: int

    @property
    def nothing_to_do(self) -> bool:
        """Whether all of it answers already."""
        return all(step.action == "keep" for step in self.steps)

    @property
    def download_bytes(self) -> int:
        """To be fetched in all."""
        return sum(step.download_bytes for step in self.steps)

    @property
    def disk_bytes(self) -> int:
        """Needed in all."""
        return sum(step.disk_bytes for step in self.steps)


def plan_add(home: Home, offers: Offers, refs: Sequence[AdapterRef], base: BaseRef | None = None) -> AddPlan:
    """Adding `refs` to `base` (default: the one in use).

    Raises NothingInstalled, UnknownName, WrongBase, NoSource, NotEnoughDisk.
    """
    name = installed_base(load_registry(home.registry), base).name
    return plan_pairs(home, [offers.find(ref, BaseRef(name)) for ref in refs], BaseRef(name), offers.failed)


def plan_pairs(
    home: Home, pairs: Sequence[tuple[Listing, Source]], base: BaseRef, failed: tuple[tuple[str, str], ...] = ()
) -> AddPlan:
    """Adding these very packages to `base`. Raises NothingInstalled, UnknownName, WrongBase, NotEnoughDisk."""
    registry = load_registry(home.registry)
    installed_base(registry, base)
    for listing, _ in pairs:
        if listing.base != base:
            raise WrongBase(str(listing.ref), base.name, f"it was made for {listing.base}")
    steps = tuple(_step(home, registry, base.name, listing, source) for listing, source in pairs)
    return _affordable(home, AddPlan(base.name, steps, failed, disk_free(home.root)))


def plan_update(home: Home, offers: Offers, names: Sequence[str] = ()) -> AddPlan:
    """The newer versions of what answers on the base in use, or of `names` alone.

    Raises NothingInstalled, UnknownName (one of the names is not installed), NotEnoughDisk.
    """
    registry = load_registry(home.registry)
    current = registry.current()
    wanted = [registry.find_adapter(current.name, AdapterRef(name)) for name in names] or registry.active_of(current)
    steps = []
    for adapter in wanted:
        newest = offers.newest(adapter.name, current.name)
        if newest is not None and newest[0].ref.number > adapter.ref.number:
            steps.append(_step(home, registry, current.name, *newest))
    return _affordable(home, AddPlan(current.name, tuple(steps), offers.failed, disk_free(home.root)))


def execute_add(home: Home, plan: AddPlan, stages: Stages) -> tuple[InstalledAdapter, ...]:
    """Carries out `plan`: all of it, or nothing. Raises LocomanError; what was fetched is kept for the next try."""
    todo = [step for step in plan.steps if step.action != "keep"]
    for step in todo:
        if step.action == "install":
            step.source.fetch(step.listing, stages(f"Fetching {step.listing.ref}"))
    with change(home) as tx:
        registry = tx.registry
        base = installed_base(registry, BaseRef(plan.base))
        records = []
        for step in todo:
            record = _bring(tx, step, plan.base, stages)
            registry = registry.with_adapter(record)
            records.append(record)
        if records:
            stages("Router")(0, None, "")
            tx.commit(with_router(tx, registry.with_base(with_active(base, records)), base.name))
    for step in todo:
        if step.action == "install":
            step.source.forget(step.listing)
    return tuple(records)


def never_chosen(home: Home, plan: AddPlan, done: Sequence[InstalledAdapter]) -> tuple[str, ...]:
    """Those of what was `done` that the router can never choose: nothing tells their questions. Raises InvalidFile."""
    from locoman.workflows.router.lessons import gather, unreachable

    registry = load_registry(home.registry)
    lessons = gather(home, answering_packages(home, registry, installed_base(registry, BaseRef(plan.base))))
    return tuple(adapter.name for adapter in done if adapter.name in unreachable(lessons))


def overlaps(home: Home, plan: AddPlan, done: Sequence[InstalledAdapter]) -> tuple[str, ...]:
    """What of `done` claims others' questions, or has its own claimed, a sentence each. Raises InvalidFile, StoreError."""
    from locoman.routing.storage import load_model
    from locoman.workflows.router.lessons import gather

    registry = load_registry(home.registry)
    base = installed_base(registry, BaseRef(plan.base))
    names = {adapter.name for adapter in done}
    learnt = load_model(router_file(home, base)).learnt
    conflicts = learnt.conflicts if learnt else ()
    powerless = gather(home, answering_packages(home, registry, base)).powerless
    return (
        *(f"Conflict: {conflict}." for conflict in conflicts if names & {conflict.adapter, conflict.other}),
        *(keyword.sentence for keyword in powerless if keyword.adapter in names),
    )


def _bring(tx: Transaction, step: AddStep, base_name: str, stages: Stages) -> InstalledAdapter:
    """The adapter, published if it was not; not committed."""
    listing = step.listing
    base = installed_base(tx.registry, BaseRef(base_name))
    if step.action == "activate":
        return tx.registry.find_adapter(base.name, listing.ref)
    folder = tx.staging / f"{listing.ref.name}-{listing.ref.version}"
    step.source.unpack(listing, folder)
    source = "" if listing.source == "shipped" else listing.source
    given = Path(listing.key) if isinstance(step.source, FolderSource) else step.source.name or str(listing.ref)
    with named_as_given(folder, given):
        record = finish_adapter(tx, base, folder, source, stages(f"Adapter {listing.ref}"))
    if (record.ref, record.domain) != (listing.ref, listing.domain):
        raise BadDelivery(listing.source, f"what it calls {listing.ref} is {record.ref}, for {record.domain}")
    return record


def _step(home: Home, registry: Registry, base_name: str, listing: Listing, source: Source) -> AddStep:
    base = installed_base(registry, BaseRef(base_name))
    now = next((a for a in registry.active_of(base) if a.name == listing.ref.name), None)
    if installed_whole(home, registry, base_name, listing.ref) is None:
        return AddStep("install", listing, source, str(now.ref) if now else "")
    if now is not None and now.ref == listing.ref:
        return AddStep("keep", listing, source)
    return AddStep("activate", listing, source, str(now.ref) if now else "")


def _affordable(home: Home, plan: AddPlan) -> AddPlan:
    if plan.disk_bytes > plan.disk_free:
        raise NotEnoughDisk(plan.disk_bytes, plan.disk_free, home.root)
    return plan
