"""Makes a folder that any web server can offer as a source: each package as an archive, and index.json that lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.index import INDEX_NAME, IndexedPackage, index_entry, write_index
from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.errors import InvalidFile, NotEnoughDisk, UsageError
from locoman.progress import Stages
from locoman.scoring import check_scorer
from locoman.store.atomic import mapped, write_atomic
from locoman.store.digests import sha256_of
from locoman.store.new_archive import archive_bytes, files_of, new_archive
from locoman.weights.files import new_file
from locoman.workflows.install import disk_free


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """The packages found in a folder, and where the archives and the index go; `bytes` is what they take at most."""

    packages: tuple[AdapterPackage, ...]
    target: Path
    bytes: int


def plan_index(folder: Path, target: Path | None = None) -> IndexPlan:
    """Packs every package below `folder` into `target` (default: the folder itself).

    Raises UsageError (there is none), InvalidFile (a broken package, one version twice), NotEnoughDisk.
    """
    packages = tuple(read_package(path.parent) for path in sorted(folder.glob("*/adapter.toml")))
    if not packages:
        raise UsageError(f"There is no folder with an adapter.toml in {folder}.")
    names = [archive_name(package) for package in packages]
    for name, package in zip(names, packages, strict=True):
        if names.count(name) > 1:
            raise InvalidFile(package.folder / "adapter.toml", f"another folder holds {package.manifest.ref} too")
    target = target or folder
    needed = sum(archive_bytes(package_sizes(package)) for package in packages)
    existing = next(place for place in (target.resolve(), *target.resolve().parents) if place.exists())
    if needed > disk_free(existing):
        raise NotEnoughDisk(needed, disk_free(existing), existing)
    return IndexPlan(packages, target, needed)


def execute_index(plan: IndexPlan, stages: Stages) -> tuple[IndexedPackage, ...]:
    """Writes the archives, then the index. The same packages give the same bytes. Raises InvalidFile, StoreError."""
    entries = []
    for package in plan.packages:
        stages(f"Packing {package.manifest.ref}")(0, None, "")
        entries.append(pack_package(package, plan.target / archive_name(package)))
    write_atomic(plan.target / INDEX_NAME, write_index(entries))
    return tuple(entries)


def archive_name(package: AdapterPackage) -> str:
    """What a package's archive is called."""
    return f"{package.manifest.name}-{package.manifest.version}-{package.manifest.base.name}.zip"


def pack_package(package: AdapterPackage, target: Path) -> IndexedPackage:
    """Writes the package's archive, the same bytes from the same files. Raises InvalidFile, UnknownName, StoreError.

    Every line of the package is read first: what is broken is not offered to others.
    """
    package.cases()
    package.routing()
    check_scorer(package.manifest.gate.scorer, package.manifest.gate.options)
    with new_file(target) as file, new_archive(file, target) as archive:
        written = [archive.add_file(name, path) for name, path in files_of(package.folder)]
    unpacked = sum(entry.bytes for entry in written)
    return index_entry(package.manifest, target.name, target.stat().st_size, sha256_of(target), unpacked)


def package_sizes(package: AdapterPackage) -> Iterator[tuple[str, int]]:
    """Name and bytes of each file of the package."""
    with mapped(package.folder):
        yield from [(name, path.stat().st_size) for name, path in files_of(package.folder)]
