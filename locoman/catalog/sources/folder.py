"""A folder of packages: the one that ships, or any other."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.contracts import Listing
from locoman.errors import UsageError
from locoman.progress import Progress
from locoman.store.atomic import mapped
from locoman.store.new_archive import files_of


class FolderSource:
    """Folders with adapter.toml, one below `folder`, or `folder` itself."""

    def __init__(self, folder: Path, name: str = "") -> None:
        self._folder = folder
        self.name = name or str(folder)

    def listings(self) -> Sequence[Listing]:
        """See `contracts.Source`. Raises InvalidFile, UsageError (there is no package)."""
        own = [self._folder / "adapter.toml"] if (self._folder / "adapter.toml").is_file() else []
        manifests = own or sorted(self._folder.glob("*/adapter.toml"))
        if not manifests:
            raise UsageError(f"There is no adapter package in {self._folder}: no folder with an adapter.toml.")
        return tuple(list_package(read_package(path.parent), self.name, str(path.parent)) for path in manifests)

    def fetch(self, listing: Listing, progress: Progress) -> None:
        """See `contracts.Source`: it is here."""

    def unpack(self, listing: Listing, folder: Path) -> None:
        """See `contracts.Source`. Links are left out: they could point anywhere."""
        with mapped(folder):
            folder.mkdir(parents=True)
            for name, path in files_of(Path(listing.key)):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)

    def forget(self, listing: Listing) -> None:
        """See `contracts.Source`: nothing was fetched."""


def list_package(package: AdapterPackage, source: str, key: str) -> Listing:
    """What a package folder on this machine says of itself, as a listing."""
    manifest = package.manifest
    with mapped(package.folder):
        size = sum(path.stat().st_size for _, path in files_of(package.folder))
    return Listing(
        manifest.ref, manifest.base.ref, manifest.domain, manifest.kind, manifest.description, manifest.licence,
        0, size, source, key,
    )  # fmt: skip
