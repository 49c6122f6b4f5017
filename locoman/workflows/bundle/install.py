"""Installs a bundle as planned: streamed from the file to its place in one pass, with no network and no second copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from locoman.catalog.bundle import ENCODER_FOLDER, ROUTER_NAME, Bundle, BundledAdapter, BundledBase, open_bundle
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import BadDelivery, InvalidFile, StoreError, UnknownName
from locoman.names import BaseRef
from locoman.progress import Stages
from locoman.routing.encoder.files import FILES, encoder_folder, verify
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.new_archive import files_of
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.activate import with_active
from locoman.workflows.adapter_files import finish_adapter, installed_whole
from locoman.workflows.bundle.base_spec import check_same, unpack_spec
from locoman.workflows.bundle.install_plan import BundleInstallPlan, brings_encoder
from locoman.workflows.collection import with_router
from locoman.workflows.install import Installed, in_place
from locoman.workflows.provide.provider import BaseGguf
from locoman.workflows.provide.ready import ReadyBases

if TYPE_CHECKING:
    from locoman.ollama.api import OllamaApi


def execute_bundle_install(
    home: Home, shelf: Shelf, ready: ReadyBases, plan: BundleInstallPlan, stages: Stages,
    ollama: OllamaApi | None = None,
) -> Installed:  # fmt: skip
    """Carries out `plan`: all of it in one commit, or nothing. Raises LocomanError."""
    with open_bundle(plan.path) as bundle, change(home) as tx:
        registry, base = _bring_base(tx, shelf, ready, bundle, plan, stages, ollama)
        records = []
        for adapter, _ in plan.adapters:
            record = _bring_adapter(tx, base, bundle, adapter, stages)
            registry = registry.with_adapter(record)
            records.append(record)
        answering = [record for record, (adapter, _) in zip(records, plan.adapters, strict=True) if adapter.active]
        base = with_active(base, answering)
        _bring_encoder(tx, bundle, stages)
        registry = _routed(tx, bundle, registry.with_base(base), base, stages)
        if ollama is not None and plan.place is not None:  # last, so that what is in Ollama is there for something
            registry = _bring_into_ollama(tx, shelf, bundle, registry, base.name, ollama, stages)
        tx.commit(structs.replace(registry, base=base.name))
        return Installed(tx.registry.current(), tuple(records))


def _bring_base(
    tx: Transaction, shelf: Shelf, ready: ReadyBases, bundle: Bundle, plan: BundleInstallPlan, stages: Stages,
    ollama: OllamaApi | None,
) -> tuple[Registry, InstalledBase]:  # fmt: skip
    """The registry with the base in it, published (if not bound for Ollama) but not committed."""
    from locoman.weights.fingerprint import fingerprint_of_gguf

    installed = tx.registry.find_base(plan.base)
    bundled = bundle.manifest.base
    kept = plan.action == "keep" or (installed is not None and plan.place is None and in_place(tx.home, installed))
    if bundled is None or kept:
        if installed is None:
            raise StoreError(tx.home.registry, f"the base {plan.base} was removed while this plan was made")
        return tx.registry, installed
    spec = _spec_in_force(tx, shelf, bundle, bundled)
    file = _base_gguf(tx, ready, bundle, bundled, spec, plan, stages, ollama)
    fingerprint = str(fingerprint_of_gguf(file.path))
    check_same(bundle, bundled, fingerprint, "its list says")
    gguf = str(file.path)
    if not file.external and plan.place is None:
        gguf = tx.publish(file.path, tx.home.bases / bundled.name / f"{file.sha256[:16]}.gguf")
    base = InstalledBase(
        name=bundled.name, gguf=gguf, origin=file.origin, sha256=file.sha256, bytes=file.bytes, fingerprint=fingerprint,
        router="", active=dict(installed.active) if installed else {},
        previous=dict(installed.previous) if installed else {},
    )  # fmt: skip
    return tx.registry.with_base(base), base


def _base_gguf(
    tx: Transaction, ready: ReadyBases, bundle: Bundle, base: BundledBase, spec: BaseSpec, plan: BundleInstallPlan,
    stages: Stages, ollama: OllamaApi | None,
) -> BaseGguf:  # fmt: skip
    """The file to work with: Ollama's, or the bundle's in the staging folder."""
    if ollama is not None and plan.place is not None:
        from locoman.workflows.bundle.into_ollama import file_in_place

        there, stored = file_in_place(ollama, plan.place), bundle.file(base.gguf)
        if there is not None:
            return BaseGguf(there, "ollama", stored.sha256, stored.bytes)
    if plan.action == "use":
        sha256 = bundle.file(base.gguf).sha256
        found = ready.verified(spec, sha256, stages(f"Base {base.name}: reading Ollama's file"))
        if found is not None:
            return found
    return _copied_gguf(tx, bundle, base, stages)


def _bring_into_ollama(
    tx: Transaction, shelf: Shelf, bundle: Bundle, registry: Registry, name: str, ollama: OllamaApi, stages: Stages
) -> Registry:
    from locoman.workflows.bundle.into_ollama import bring_into_ollama, plan_place

    base, bundled = registry.find_base(name), bundle.manifest.base
    if base is None or bundled is None:
        raise ValueError("a base that goes into Ollama comes out of the bundle")
    spec, staged = shelf.spec(BaseRef(name)), tx.staging / "base.gguf"

    def extract() -> Path:
        return staged if staged.exists() else _copied_gguf(tx, bundle, bundled, stages).path

    place = plan_place(ollama, tx.registry, spec, base.fingerprint)  # anew: somebody else may have been faster
    settled, models = bring_into_ollama(tx, ollama, place, spec, base, extract, stages)
    return structs.replace(registry.with_base(settled), ollama=models)


def _copied_gguf(tx: Transaction, bundle: Bundle, base: BundledBase, stages: Stages) -> BaseGguf:
    stored = bundle.file(base.gguf)
    staged = tx.staging / "base.gguf"
    bundle.extract(base.gguf, staged, stages(f"Base {base.name}"))
    return BaseGguf(staged, "bundle", stored.sha256, stored.bytes)


def _spec_in_force(tx: Transaction, shelf: Shelf, bundle: Bundle, base: BundledBase) -> BaseSpec:
    """This machine's spec of the base; one that it did not know is laid into its modelfiles first.

    That comes before the commit: a base without its spec could not answer, a spec without its base harms nobody.
    """
    try:
        return shelf.spec(BaseRef(base.name))
    except UnknownName:
        pass
    staged = unpack_spec(bundle, base, tx.staging / "spec")
    folder = staged.path.parent
    for name, path in sorted(files_of(folder), key=lambda file: file[1] == staged.path):
        if path == staged.path or not (tx.home.modelfiles / name).exists():
            tx.publish(path, tx.home.modelfiles / name)
    return shelf.spec(BaseRef(base.name))


def _bring_adapter(
    tx: Transaction, base: InstalledBase, bundle: Bundle, adapter: BundledAdapter, stages: Stages
) -> InstalledAdapter:
    there = installed_whole(tx.home, tx.registry, base.name, adapter.ref)
    if there is not None:
        return there
    folder = tx.staging / f"{adapter.name}-{adapter.version}"
    bundle.extract_folder(adapter.folder, folder)
    record = finish_adapter(tx, base, folder, "", stages(f"Adapter {adapter.ref}"))
    if (record.ref, record.domain) != (adapter.ref, adapter.domain):
        raise BadDelivery(bundle.path, f"what it calls {adapter.ref} is {record.ref}, for {record.domain}")
    return record


def _bring_encoder(tx: Transaction, bundle: Bundle, stages: Stages) -> None:
    """Publishes the bundle's encoder where this machine has none. That harms nobody who does not use it.

    One of another version of locoman stays where it is: routers are fitted without it.
    """
    place = encoder_folder(tx.home.encoders)
    if not brings_encoder(tx.home, bundle):
        return
    stages("The router's encoder")(0, None, "")
    staged = tx.staging / "encoder"
    for file in FILES:
        name = f"{ENCODER_FOLDER}/{file.name}"
        bundle.extract(bundle.file(name).name, staged / file.name)
    verify(staged)
    tx.publish(staged, place)


def _routed(tx: Transaction, bundle: Bundle, registry: Registry, base: InstalledBase, stages: Stages) -> Registry:
    """`registry` with the bundle's router, where it was fitted to just these adapters and nobody taught this machine
    otherwise; else with one fitted here."""
    fitted = {str(adapter.ref) for adapter in bundle.manifest.adapters if adapter.active}
    taught = tx.home.feedback.exists() or tx.home.wishes.exists()
    if bundle.manifest.router and set(base.active.values()) == fitted and not taught:
        staged = tx.staging / "router.npz"
        bundle.extract(ROUTER_NAME, staged)
        if _is_router(staged):
            published = tx.publish(staged, tx.home.router / f"{sha256_of(staged)[:16]}.npz")
            return registry.with_base(structs.replace(base, router=published))
    stages("Router")(0, None, "")
    return with_router(tx, registry, base.name)


def _is_router(path: Path) -> bool:
    """Whether this version can read it: one of another version, or a broken one, is fitted anew instead."""
    from locoman.routing.storage import load_model

    try:
        load_model(path)
    except InvalidFile:
        return False
    return True
