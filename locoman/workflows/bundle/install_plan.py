"""What installing a bundle will do, seen before anything is done."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from locoman.catalog.bundle import ENCODER_FOLDER, ROUTER_NAME, Bundle, BundledAdapter, BundledBase, open_bundle
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec, Spec
from locoman.errors import (
    BadDelivery,
    MissingPrerequisite,
    NotEnoughDisk,
    NotEnoughMemory,
    UnknownName,
    UsageError,
)
from locoman.names import BaseRef
from locoman.routing.encoder.files import FILES, LICENCE, encoder_folder, is_sound
from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry
from locoman.workflows.adapter_files import DISK_SHARE, installed_whole
from locoman.workflows.bundle.base_spec import check_same, claimed, unpack_spec
from locoman.workflows.install import MEMORY_MARGIN, disk_free, in_place, machine_memory
from locoman.workflows.provide.ready import ReadyBases

if TYPE_CHECKING:
    from locoman.ollama.api import OllamaApi
    from locoman.workflows.bundle.into_ollama import Place

BaseAction = Literal["copy", "use", "keep", "into ollama"]
ROUTER_BYTES = 1 << 20  # of one that is fitted here, to some hundred examples, about
_WORK_SHARE = 2
"""A base on its way into Ollama is here twice for a while: as the bundle has it, and in the form that Ollama keeps."""


@dataclass(frozen=True, slots=True)
class BundleInstallPlan:
    """What installing a bundle will do.

    `action`: the base is copied out of it, or that very file of Ollama's is used, or the installed base is kept, or it goes
    into Ollama as `place` says. `spec` is None where nothing has to be known of the base. `adapters` pairs each with whether
    it is installed already. Bytes: `disk_bytes` are needed in LOCOMAN_HOME, `kept_bytes` of them stay, `ollama_bytes` come
    into Ollama. `encoder`: the router's comes along.
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
    encoder: bool = False


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
        encoder = brings_encoder(home, bundle)
        kept += sum(file.bytes for file in FILES) if encoder else 0
        kept += bundle.file(ROUTER_NAME).bytes if bundle.manifest.router else ROUTER_BYTES
        size = bundle.file(base.gguf).bytes if base else 0
        making = place is not None and place.action != "use"
        copied = action == "copy" or (place is not None and bool(place.second_copy))
        needed = kept + size * (_WORK_SHARE if making else 1 if copied else 0)
        kept += size if copied else 0
        licences = {adapter.licence for adapter in bundle.manifest.adapters} | ({base.licence} if base else set())
        licences |= {LICENCE} if encoder else set()
    memory = spec.spec.runtime.memory_bytes if spec else 0
    plan = BundleInstallPlan(
        path, name, action, spec.spec if spec else None, adapters, tuple(sorted(licences)), needed, kept,
        disk_free(home.root), memory, place, size if making else 0, encoder,
    )  # fmt: skip
    if plan.disk_bytes > plan.disk_free:
        raise NotEnoughDisk(plan.disk_bytes, plan.disk_free, home.root)
    if memory > machine_memory() * MEMORY_MARGIN:
        raise NotEnoughMemory(name, memory, machine_memory())
    return plan


def brings_encoder(home: Home, bundle: Bundle) -> bool:
    """Whether this machine has no sound encoder, and the bundle has the one of this version of locoman."""
    theirs = {file.name for file in bundle.below(ENCODER_FOLDER)}
    ours = {f"{ENCODER_FOLDER}/{file.name}" for file in FILES}
    return ours <= theirs and not is_sound(encoder_folder(home.encoders))


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
        check_same(bundle, base, installed.fingerprint, "the one that is installed")
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
    return plan_place(ollama, registry, spec, str(claimed(bundle, base)))


def _spec(bundle: Bundle, base: BundledBase, shelf: Shelf) -> BaseSpec:
    """What this machine knows of the base, else what the bundle says of it. Raises WrongBase, InvalidFile."""
    try:
        known = shelf.spec(BaseRef(base.name))
    except UnknownName:
        with tempfile.TemporaryDirectory(prefix="locoman-") as folder:
            return unpack_spec(bundle, base, Path(folder))
    if known.spec.fingerprint:
        check_same(bundle, base, known.spec.fingerprint, "the one of that name that this locoman knows")
    return known


def _size(bundle: Bundle, adapter: BundledAdapter) -> int:
    return sum(file.bytes for file in bundle.below(adapter.folder))
