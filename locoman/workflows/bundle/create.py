"""Makes a bundle of what is installed: planned, then written in one pass; the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from locoman.catalog.bundle import (
    ENCODER_FOLDER,
    FAT32_LIMIT,
    MANIFEST_NAME,
    ROUTER_NAME,
    BundledAdapter,
    BundledBase,
    BundledFile,
    Manifest,
    manifest_bytes,
)
from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import InvalidFile, MissingPrerequisite
from locoman.names import AdapterRef, BaseRef
from locoman.progress import Stages, shifted
from locoman.routing.encoder.files import FILES, LICENCE, NAME, encoder_folder, is_sound
from locoman.store.atomic import mapped
from locoman.store.home import Home
from locoman.store.new_archive import ArchiveWriter, archive_bytes, files_of, new_archive
from locoman.store.registry import InstalledAdapter, InstalledBase, load_registry
from locoman.weights.files import new_file
from locoman.workflows.adapter_files import GGUF_NAME
from locoman.workflows.bundle.texts import licences_text, readme_text
from locoman.workflows.collection import base_file, installed_base, router_file
from locoman.workflows.model_files import check_target
from locoman.workflows.router.encoder_session import REPAIR

_LICENCE_FILES = ("LICENSE*", "LICENCE*", "NOTICE*")


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """What a bundle will hold. `files` pairs each file of this machine with its name there; `bytes` is its size, or a little
    less."""

    target: Path
    base: InstalledBase
    spec: BaseSpec
    with_base: bool
    adapters: tuple[tuple[InstalledAdapter, AdapterPackage], ...]
    files: tuple[tuple[str, Path], ...]
    router: bool
    bytes: int

    @property
    def encoder(self) -> bool:
        """Whether the router's encoder goes in."""
        return any(name.startswith(f"{ENCODER_FOLDER}/") for name, _ in self.files)

    @property
    def too_large_for_fat32(self) -> bool:
        """Whether a stick formatted as FAT32 cannot hold it."""
        return self.bytes > FAT32_LIMIT


def plan_bundle(
    home: Home, shelf: Shelf, target: Path, *, base: BaseRef | None, adapters: Sequence[AdapterRef], with_base: bool,
    force: bool,
) -> BundlePlan:  # fmt: skip
    """A bundle of `base` (default: the one in use) and `adapters` (default: those that answer on it).

    Raises NothingInstalled, UnknownName, UsageError (the target is there), InvalidFile (the base's file is gone),
    NotEnoughDisk.
    """
    registry = load_registry(home.registry)
    chosen = installed_base(registry, base)
    spec = shelf.spec(BaseRef(chosen.name))
    active = registry.active_of(chosen)
    wanted = tuple(dict.fromkeys(registry.find_adapter(chosen.name, ref) for ref in adapters)) or active
    wanted = tuple(sorted(wanted, key=lambda adapter: (adapter.name, adapter.ref.number)))
    router = set(wanted) >= set(active) and router_file(home, chosen).is_file()
    files = tuple(_files(home, chosen, spec, wanted, router=router, with_base=with_base))
    with mapped(home.root):
        size = archive_bytes((name, path.stat().st_size) for name, path in files)
    check_target(target, size, force=force)
    packages = tuple((adapter, read_package(home.root / adapter.package)) for adapter in wanted)
    return BundlePlan(target, chosen, spec, with_base, packages, files, router, size)


def execute_bundle(plan: BundlePlan, stages: Stages) -> int:
    """Writes the bundle and returns its size in bytes. Raises InvalidFile (a file was changed), StoreError, and
    MissingPrerequisite when the disk is full or cannot hold a file so large; then there is no file."""
    with new_file(plan.target) as file, new_archive(file, plan.target) as archive:
        listed = [_add_text(archive, "README.txt", readme_text(_title(plan)))]
        licensed = [(f"{a.ref} (adapter)", package.manifest.licence) for a, package in plan.adapters]
        base_licence = [(f"{plan.base.name} (base)", plan.spec.spec.licence)] if plan.with_base else []
        base_licence += [(f"{NAME} (the router's encoder)", LICENCE)] if plan.encoder else []
        listed.append(_add_text(archive, "LICENCES.txt", licences_text(base_licence + licensed)))
        progress, done = stages(f"Writing {plan.target.name}"), 0
        for name, path in plan.files:
            written = archive.add_file(name, path, shifted(progress, done, plan.bytes))
            done += written.bytes
            listed.append(BundledFile(written.name, written.bytes, written.sha256))
        manifest = _manifest(plan, listed)
        data = manifest_bytes(manifest)
        archive.add(MANIFEST_NAME, BytesIO(data), len(data))
    with mapped(plan.target):
        return plan.target.stat().st_size


def _manifest(plan: BundlePlan, files: list[BundledFile]) -> Manifest:
    base = None
    if plan.with_base:
        name = plan.base.name
        base = BundledBase(name, _gguf_name(name), f"base/{name}.toml", plan.base.fingerprint, plan.spec.spec.licence)
        gguf = next(file for file in files if file.name == base.gguf)
        if gguf.sha256 != plan.base.sha256:
            raise InvalidFile(plan.base.gguf, f"the file of the base {name} was changed since it was installed")
    active = set(plan.base.active.values())
    adapters = tuple(
        BundledAdapter(
            adapter.name, adapter.version, adapter.base, adapter.domain, adapter.kind, package.manifest.description,
            package.manifest.licence, _folder(adapter), str(adapter.ref) in active,
        )
        for adapter, package in plan.adapters
    )  # fmt: skip
    return Manifest(1, adapters, tuple(files), base, plan.router)


def _files(
    home: Home, base: InstalledBase, spec: BaseSpec, adapters: tuple[InstalledAdapter, ...], *, router: bool,
    with_base: bool,
) -> Iterator[tuple[str, Path]]:  # fmt: skip
    """What goes in, the largest last. An adapter's own GGUF stays out where it was converted from what goes in."""
    if with_base:
        yield f"base/{base.name}.toml", spec.path
        yield f"base/{spec.spec.template.chat}", spec.template_path
        for pattern in _LICENCE_FILES:
            for path in sorted((spec.path.parent / base.name).glob(pattern)):
                yield f"base/{base.name}/{path.name}", path
    for adapter in adapters:
        folder = home.root / adapter.package
        for name, path in files_of(folder):
            if name != GGUF_NAME:
                yield f"{_folder(adapter)}/{name}", path
    if router:
        yield ROUTER_NAME, router_file(home, base)
    encoder = encoder_folder(home.encoders)
    if with_base and encoder.is_dir():
        if not is_sound(encoder):
            raise MissingPrerequisite("The router's encoder is damaged, and would be missing in the bundle.", REPAIR)
        for file in FILES:
            yield f"{ENCODER_FOLDER}/{file.name}", encoder / file.name
    if with_base:
        path = base_file(home, base)
        if not path.is_file():
            raise InvalidFile(path, f"the file of the base {base.name} is missing")
        yield _gguf_name(base.name), path


def _add_text(archive: ArchiveWriter, name: str, text: str) -> BundledFile:
    data = text.encode()
    written = archive.add(name, BytesIO(data), len(data))
    return BundledFile(written.name, written.bytes, written.sha256)


def _title(plan: BundlePlan) -> str:
    names = ", ".join(str(adapter.ref) for adapter, _ in plan.adapters) or "no adapters"
    return f"{plan.spec.spec.title if plan.with_base else f'Adapters for {plan.base.name}'}: {names}"


def _folder(adapter: InstalledAdapter) -> str:
    return f"adapters/{adapter.name}-{adapter.version}"


def _gguf_name(base: str) -> str:
    return f"base/{base}.gguf"
