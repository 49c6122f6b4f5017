"""Installs a bundle: planned, then streamed from the file to its place in one pass, with no network and no second copy."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from msgspec import structs

from locoman.catalog.bundle import ENCODER_FOLDER, ROUTER_NAME, Bundle, BundledAdapter, BundledBase, open_bundle
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec, Spec, read_spec
from locoman.contracts import Stages
from locoman.errors import (
    BadDelivery,
    InvalidFile,
    InvalidName,
    MissingPrerequisite,
    NotEnoughDisk,
    NotEnoughMemory,
    StoreError,
    UnknownName,
    UsageError,
    WrongBase,
)
from locoman.names import BaseRef
from locoman.routing.encoder.files import FILES, encoder_folder, is_whole, verify
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.new_archive import files_of
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry, load_registry
from locoman.store.transaction import Transaction, change
from locoman.workflows.activate import with_active
from locoman.workflows.adapter_files import DISK_SHARE, finish_adapter, installed_whole
from locoman.workflows.collection import with_router
from locoman.workflows.install import MEMORY_MARGIN, Installed, disk_free, in_place, machine_memory
from locoman.workflows.provide.provider import BaseGguf
from locoman.workflows.provide.ready import ReadyBases

if TYPE_CHECKING:
    from locoman.ollama.api import OllamaApi
    from locoman.weights.fingerprint import Fingerprint
    from locoman.workflows.bundle.into_ollama import Place

_LICENCE = re.compile(r"base/[^/]+/(LICEN[SC]E|NOTICE)[\w.-]{0,40}")
BaseAction = Literal["copy", "use", "keep", "into ollama"]
_WORK_SHARE = 2
"""A base on its way into Ollama is here twice for a while: as the bundle has it, and in the form that Ollama keeps."""


@dataclass(frozen=True, slots=True)
class BundleInstallPlan:
    """What installing a bundle will do.

    `action`: the base is copied out of it, or that very file of Ollama's is used, or the installed base is kept, or it goes
    into Ollama as `place` says. `spec` is None where nothing has to be known of the base. `adapters` pairs each with whether
    it is installed already. Bytes: `disk_bytes` are needed in LOCOMAN_HOME, `kept_bytes` of them stay, `ollama_bytes` come
    into Ollama.
    """

    path: Path
    base: str
    action: BaseAction
    spec: Spec | None
    adapters: tuple[tuple[BundledAdapter, bool], ...]
    licences: tuple[str, ...]
    disk_bytes: int
    kept_bytes: int
    disk_free: int
    memory_bytes: int
    place: Place | None = None
    ollama_bytes: int = 0


def plan_bundle_install(
    home: Home, shelf: Shelf, ready: ReadyBases, path: Path, ollama: OllamaApi | None = None
) -> BundleInstallPlan:
    """With `ollama` the base goes there. Raises InvalidFile (no bundle, or a damaged one), WrongBase, NotEnoughDisk,
    NotEnoughMemory, MissingPrerequisite (the base is not here, or its name in Ollama is taken), and with `ollama` UsageError
    (the bundle holds no base), OllamaUnavailable, OllamaRefused."""
    registry = load_registry(home.registry)
    with open_bundle(path) as bundle:
        base = bundle.manifest.base
        name = base.name if base else _base_of_adapters(bundle, registry)
        spec = _spec(bundle, base, shelf) if base else None
        place = _place(home, registry, bundle, base, spec, ollama) if ollama else None
        action = "into ollama" if place else _action(home, registry, ready, bundle, base, spec)
        adapters = tuple(
            (adapter, installed_whole(home, registry, name, adapter.ref) is not None)
            for adapter in bundle.manifest.adapters
        )
        kept = sum(int(_size(bundle, adapter) * DISK_SHARE) for adapter, there in adapters if not there)
        kept += 0 if is_whole(encoder_folder(home.encoders)) else sum(f.bytes for f in bundle.below(ENCODER_FOLDER))
        size = bundle.file(base.gguf).bytes if base else 0
        making = place is not None and place.action != "use"
        copied = action == "copy" or (place is not None and bool(place.second_copy))
        needed = kept + size * (_WORK_SHARE if making else 1 if copied else 0)
        kept += size if copied else 0
        licences = {adapter.licence for adapter in bundle.manifest.adapters} | ({base.licence} if base else set())
    memory = spec.spec.runtime.memory_bytes if spec else 0
    plan = BundleInstallPlan(
        path, name, action, spec.spec if spec else None, adapters, tuple(sorted(licences)), needed, kept,
        disk_free(home.root), memory, place, size if making else 0,
    )  # fmt: skip
    if plan.disk_bytes > plan.disk_free:
        raise NotEnoughDisk(plan.disk_bytes, plan.disk_free, home.root)
    if memory > machine_memory() * MEMORY_MARGIN:
        raise NotEnoughMemory(name, memory, machine_memory())
    return plan


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


def _base_of_adapters(bundle: Bundle, registry: Registry) -> str:
    """The base that all adapters of a bundle without a base are for; it has to be installed."""
    names = {adapter.base for adapter in bundle.manifest.adapters}
    if len(names) != 1:
        raise BadDelivery(bundle.path, "it holds no base, and adapters for none or for several")
    name = names.pop()
    if registry.find_base(name) is None:
        sentence = f"{bundle.path} holds adapters only, and their base, {name}, is not installed."
        raise MissingPrerequisite(sentence, f"locoman install --base {name}   (or a bundle that holds the base)")
    return name


def _action(
    home: Home, registry: Registry, ready: ReadyBases, bundle: Bundle, base: BundledBase | None, spec: BaseSpec | None
) -> BaseAction:
    if base is None or spec is None:
        return "keep"
    installed = registry.find_base(base.name)
    if installed is not None and in_place(home, installed):
        _check_same(bundle, base, installed.fingerprint, "the one that is installed")
        return "keep"
    return "use" if ready.find(spec, bundle.file(base.gguf).sha256) else "copy"


def _place(
    home: Home, registry: Registry, bundle: Bundle, base: BundledBase | None, spec: BaseSpec | None, ollama: OllamaApi
) -> Place | None:
    """Where in Ollama the base goes; None for one whose file is Ollama's already."""
    from locoman.workflows.bundle.into_ollama import plan_place

    if base is None or spec is None:
        raise UsageError(f"{bundle.path} holds no base, so that there is none to bring into Ollama.")
    installed = registry.find_base(base.name)
    if installed is not None and installed.origin == "ollama" and in_place(home, installed):
        return None  # where only its name is gone, a sync gives it back
    return plan_place(ollama, registry, spec, str(_claimed(bundle, base)))


def _spec(bundle: Bundle, base: BundledBase, shelf: Shelf) -> BaseSpec:
    """What this machine knows of the base, else what the bundle says of it. Raises WrongBase, InvalidFile."""
    try:
        known = shelf.spec(BaseRef(base.name))
    except UnknownName:
        with tempfile.TemporaryDirectory(prefix="locoman-") as folder:
            return _unpack_spec(bundle, base, Path(folder))
    if known.spec.fingerprint:
        _check_same(bundle, base, known.spec.fingerprint, "the one of that name that this locoman knows")
    return known


def _check_same(bundle: Bundle, base: BundledBase, fingerprint: str, what: str) -> None:
    from locoman.weights.fingerprint import Fingerprint, compare

    if not compare(_claimed(bundle, base), Fingerprint.parse(fingerprint)).same_model:
        raise WrongBase("the bundle", base.name, f"the {base.name} in it is another model than {what}")


def _claimed(bundle: Bundle, base: BundledBase) -> Fingerprint:
    """The fingerprint that the bundle's list tells. Raises BadDelivery."""
    from locoman.weights.fingerprint import Fingerprint

    try:
        return Fingerprint.parse(base.fingerprint)
    except InvalidName as error:
        raise BadDelivery(bundle.path, str(error).rstrip(".")) from error


def _unpack_spec(bundle: Bundle, base: BundledBase, folder: Path) -> BaseSpec:
    """The spec, its chat template and its licences, below `folder`; nothing else is taken, whatever the bundle holds."""
    bundle.extract(base.spec, folder / f"{base.name}.toml")
    spec = read_spec(folder / f"{base.name}.toml")
    template = spec.spec.template.chat
    if not template.startswith(f"{base.name}/"):
        raise BadDelivery(bundle.path, f"its chat template {template[:80]!r} is not in the folder {base.name}")
    licences = [file.name for file in bundle.below(f"base/{base.name}") if _LICENCE.fullmatch(file.name)]
    for name in (f"base/{template}", *licences):
        bundle.extract(name, folder / PurePosixPath(name.removeprefix("base/")))
    spec.chat_template()
    return spec


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
    _check_same(bundle, bundled, fingerprint, "its list says")
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
    staged = _unpack_spec(bundle, base, tx.staging / "spec")
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
    """Publishes the bundle's encoder where this machine has none. That harms nobody who does not use it."""
    place = encoder_folder(tx.home.encoders)
    if is_whole(place) or not bundle.below(ENCODER_FOLDER):
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


def _size(bundle: Bundle, adapter: BundledAdapter) -> int:
    return sum(file.bytes for file in bundle.below(adapter.folder))
