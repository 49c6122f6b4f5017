"""Installs a base and its adapters: a plan that can be shown, then its execution, then a self-check."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import LocomanError, NoSource, NotEnoughDisk, NotEnoughMemory, StoreError, WrongBase
from locoman.names import AdapterRef, BaseRef
from locoman.progress import Stages
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry, load_registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.activate import with_active
from locoman.workflows.adapter_files import AdapterStep, plan_adapter, stage_adapter
from locoman.workflows.collection import base_file, installed_base, router_file, with_router
from locoman.workflows.encoder_step import EncoderStep, EncoderWish, plan_encoder_step
from locoman.workflows.provide.provider import BaseGguf, Offer, Provider
from locoman.workflows.router.fitting import refit_all

MEMORY_MARGIN = 0.9  # a base may take this share of the machine's memory: the system itself must live too


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """Everything an installation would do. `offer` None: the base is installed already. Sizes in bytes.

    `passed_over` pairs each provider that was asked first with the reason why it is not used. `disk_bytes` counts the encoder
    where it comes along. Without `use` another base goes on answering.
    """

    spec: BaseSpec
    provider: Provider | None
    offer: Offer | None
    adapters: tuple[AdapterStep, ...]
    passed_over: tuple[tuple[str, str], ...]
    memory_bytes: int
    memory_total: int
    disk_bytes: int
    disk_free: int
    encoder: EncoderStep
    use: bool = True

    @property
    def nothing_to_do(self) -> bool:
        """Whether all of it is installed."""
        return self.offer is None and self.adapters_kept and self.encoder.action != "bring"

    @property
    def download_bytes(self) -> int:
        """All that comes over the network."""
        return (self.offer.download_bytes if self.offer else 0) + self.encoder.download_bytes

    @property
    def adapters_kept(self) -> bool:
        """Whether every adapter is installed."""
        return all(step.action == "keep" for step in self.adapters)


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed now: the base in use and the adapters of the plan. `missed`: why the encoder did not come along, ""
    where it did or was not to."""

    base: InstalledBase
    adapters: tuple[InstalledAdapter, ...]
    missed: str = ""


def plan_install(
    home: Home,
    shelf: Shelf,
    providers: Sequence[Provider],
    base: BaseRef | None = None,
    adapters: Sequence[str] = (),
    encoder: EncoderWish = "no",
    *,
    use: bool = True,
) -> InstallPlan:
    """The plan for `base` (default: the one in use, else the standard base) and `adapters` (names or folders; default: all),
    with the router's `encoder` or without. Without `use` it is installed beside the one in use.

    Raises UnknownName, InvalidFile, WrongBase, NoSource, NotEnoughDisk, NotEnoughMemory.
    """
    registry = load_registry(home.registry)
    spec = _wanted_spec(shelf, registry, base)
    installed = registry.find_base(spec.ref.name)
    packages = [shelf.package(text, spec.ref) for text in adapters] or shelf.packages(spec.ref)
    steps = tuple(plan_adapter(home, registry, spec, package) for package in packages)
    chosen = _Choice() if installed is not None and in_place(home, installed) else _choose(providers, spec)
    needed = (chosen.offer.disk_bytes if chosen.offer else 0) + sum(
        step.bytes for step in steps if step.action == "install"
    )
    free = disk_free(home.root)
    downloaded = chosen.offer is not None and chosen.offer.download_bytes > 0
    encoder_step = plan_encoder_step(home, encoder, downloaded=downloaded, room=free - needed)
    plan = InstallPlan(
        spec, chosen.provider, chosen.offer, steps, chosen.passed_over,
        memory_bytes=spec.spec.runtime.memory_bytes,
        memory_total=machine_memory(),
        disk_bytes=needed + encoder_step.disk_bytes,
        disk_free=free,
        encoder=encoder_step,
        use=use or not registry.base,
    )  # fmt: skip
    if plan.memory_bytes > plan.memory_total * MEMORY_MARGIN:
        raise NotEnoughMemory(spec.ref.name, plan.memory_bytes, plan.memory_total)
    if plan.disk_bytes > plan.disk_free:
        raise NotEnoughDisk(plan.disk_bytes, plan.disk_free, home.root)
    return plan


def execute_install(home: Home, plan: InstallPlan, stages: Stages) -> Installed:
    """Carries out `plan`; one write of the registry makes all of it true. Raises LocomanError, and then nothing changed.

    An encoder that was not asked for and cannot be had is done without: `Installed.missed` says why.
    """
    with plan.encoder.brought(home, stages) as encoder, change(home) as tx:
        registry, base = _install_base(tx, plan, stages)
        installed = []
        for step in plan.adapters:
            record = stage_adapter(tx, base, step, stages(f"Adapter {step.ref}"))
            registry = registry.with_adapter(record)
            installed.append(record)
        registry = registry.with_base(changed := with_active(base, _to_activate(plan, base, installed)))
        encoder.publish(tx)
        unfitted = changed.active != base.active or not plan.adapters_kept or not router_file(home, base).is_file()
        heard = encoder.here or plan.encoder.plan.unheard
        if heard or unfitted:
            stages("Router")(0, None, "")
        if heard:
            registry, _ = refit_all(tx, registry)
        elif unfitted:
            registry = with_router(tx, registry, base.name)
        tx.commit(structs.replace(registry, base=base.name if plan.use else registry.base))
        return Installed(installed_base(tx.registry, BaseRef(base.name)), tuple(installed), encoder.missed)


def _to_activate(
    plan: InstallPlan, base: InstalledBase, installed: Sequence[InstalledAdapter]
) -> list[InstalledAdapter]:
    """All but those that were there before, while another version of them answers: an update is not taken back."""
    answering = {AdapterRef.parse(ref).name for ref in base.active.values()}
    pairs = zip(plan.adapters, installed, strict=True)
    return [record for step, record in pairs if step.action == "install" or record.name not in answering]


def _wanted_spec(shelf: Shelf, registry: Registry, base: BaseRef | None) -> BaseSpec:
    if base is not None:
        return shelf.spec(base)
    return shelf.spec(BaseRef(registry.base)) if registry.base else shelf.standard()


@dataclass(frozen=True, slots=True)
class _Choice:
    """Who brings the base; nobody, when it is here."""

    provider: Provider | None = None
    offer: Offer | None = None
    passed_over: tuple[tuple[str, str], ...] = ()


def _choose(providers: Sequence[Provider], spec: BaseSpec) -> _Choice:
    """The first provider that can, and why each before it cannot."""
    passed_over: list[tuple[str, str]] = []
    for provider in providers:
        try:
            return _Choice(provider, provider.offer(spec), tuple(passed_over))
        except LocomanError as error:
            passed_over.append((provider.name, str(error).rstrip(".")))
    raise NoSource(f"The base {spec.ref}", passed_over, "locoman install --base loco-tiny   (works offline)")


def _install_base(tx: Transaction, plan: InstallPlan, stages: Stages) -> tuple[Registry, InstalledBase]:
    """The registry with the base in it, published but not committed."""
    spec = plan.spec
    installed = tx.registry.find_base(spec.ref.name)
    if plan.provider is None or (installed is not None and in_place(tx.home, installed)):
        if installed is None:
            raise StoreError(tx.home.registry, f"the base {spec.ref} was removed while this plan was made")
        return tx.registry, installed
    from locoman.weights.fingerprint import Fingerprint, compare
    from locoman.weights.fingerprint_cache import FingerprintCache

    file = plan.provider.provide(spec, tx.staging, stages(f"Base {spec.ref}: {plan.provider.name}"))
    fingerprint = FingerprintCache(tx.home.fingerprints).of(file.path)
    if spec.spec.fingerprint and not compare(Fingerprint.parse(spec.spec.fingerprint), fingerprint).same_model:
        raise WrongBase("the file that arrived", spec.ref.name, "its weights are those of another model")
    base = InstalledBase(
        name=spec.ref.name,
        gguf=_published(tx, spec, file),
        origin=file.origin,
        sha256=file.sha256,
        bytes=file.bytes,
        fingerprint=str(fingerprint),
        router="",
        active=dict(installed.active) if installed else {},
        previous=dict(installed.previous) if installed else {},
    )
    registry = tx.registry.with_base(base)
    if file.pulled is not None:
        registry = structs.replace(registry, ollama=registry.ollama.with_model(file.pulled))
    return registry, base


def _published(tx: Transaction, spec: BaseSpec, file: BaseGguf) -> str:
    if file.external:
        return str(file.path)
    return tx.publish(file.path, tx.home.bases / spec.ref.name / f"{file.sha256[:16]}.gguf")


def in_place(home: Home, base: InstalledBase) -> bool:
    """Whether the registered file is still there, byte for byte: installing again mends a damaged one."""
    path = base_file(home, base)
    return path.is_file() and path.stat().st_size == base.bytes and sha256_of(path) == base.sha256


def machine_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def disk_free(root: Path) -> int:
    """Bytes free where LOCOMAN_HOME is, or will be."""
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    return shutil.disk_usage(existing).free
