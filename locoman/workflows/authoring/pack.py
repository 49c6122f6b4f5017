"""Packs one package into an archive that `locoman adapter add` and any source understands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import AdapterPackage
from locoman.errors import UsageError
from locoman.store.new_archive import archive_bytes
from locoman.workflows.index_packages import archive_name, pack_package, package_sizes
from locoman.workflows.model_files import check_target


@dataclass(frozen=True, slots=True)
class PackPlan:
    """Which package becomes which archive; `bytes` is what it takes at most."""

    package: AdapterPackage
    target: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Packed:
    """The archive: the same package gives the same bytes."""

    path: Path
    bytes: int
    sha256: str


def plan_pack(package: AdapterPackage, target: Path | None = None, *, force: bool = False) -> PackPlan:
    """The archive of `package` (default: NAME-VERSION-BASE.zip in the working folder).

    Raises UsageError (it is there already, or would lie in the package itself), NotEnoughDisk.
    """
    target = target or Path(archive_name(package))
    if target.resolve().is_relative_to(package.folder.resolve()):
        raise UsageError(f"{target} would lie in the package itself; say where it shall go with -o FILE.")
    needed = archive_bytes(package_sizes(package))
    check_target(target, needed, force=force)
    return PackPlan(package, target, needed)


def execute_pack(plan: PackPlan) -> Packed:
    """Writes the archive, whole or not at all. Raises InvalidFile, UnknownName, StoreError."""
    entry = pack_package(plan.package, plan.target)
    return Packed(plan.target, entry.bytes, entry.sha256)
