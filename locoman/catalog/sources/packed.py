"""One package in a zip file, as `locoman adapter index` packs it or as a person zips a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from locoman.catalog.manifest import read_package
from locoman.catalog.sources.folder import list_package
from locoman.contracts import Listing
from locoman.errors import BadDelivery
from locoman.progress import Progress
from locoman.store.archive import Archive, open_archive
from locoman.store.atomic import mapped

MAX_PACKAGE_BYTES = 1 << 30
MAX_PACKAGE_FILES = 1000
_MAX_MANIFEST_BYTES = 1 << 20


class PackedSource:
    """The zip file at `path`; the package may lie in a folder of its own in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)

    def listings(self) -> Sequence[Listing]:
        """See `contracts.Source`. Raises BadDelivery, InvalidFile."""
        with self._open() as archive, tempfile.TemporaryDirectory(prefix="locoman-") as folder:
            root = self._root(archive)
            (Path(folder) / "adapter.toml").write_bytes(archive.read(f"{root}adapter.toml", _MAX_MANIFEST_BYTES))
            size = sum(entry.bytes for entry in archive.entries)
            listing = list_package(read_package(Path(folder)), self.name, root)
        return (Listing(
            listing.ref, listing.base, listing.domain, listing.kind, listing.description, listing.licence, 0, size,
            self.name, root,
        ),)  # fmt: skip

    def fetch(self, listing: Listing, progress: Progress) -> None:
        """See `contracts.Source`: it is here."""

    def unpack(self, listing: Listing, folder: Path) -> None:
        """See `contracts.Source`. Raises BadDelivery, StoreError."""
        with self._open() as archive, mapped(folder):
            folder.mkdir(parents=True)
            for entry in archive.entries:
                if entry.name.startswith(listing.key):
                    archive.extract(entry.name, folder / PurePosixPath(entry.name.removeprefix(listing.key)))

    def forget(self, listing: Listing) -> None:
        """See `contracts.Source`: nothing was fetched."""

    def _open(self) -> AbstractContextManager[Archive]:
        return open_archive(self._path, max_bytes=MAX_PACKAGE_BYTES, max_entries=MAX_PACKAGE_FILES)

    def _root(self, archive: Archive) -> str:
        """ "" or "folder/": where adapter.toml lies."""
        found = [entry.name for entry in archive.entries if PurePosixPath(entry.name).name == "adapter.toml"]
        shallow = [name.removesuffix("adapter.toml") for name in found if name.count("/") <= 1]
        if len(shallow) != 1:
            raise BadDelivery(self._path, "it holds no adapter.toml" if not found else "it holds several packages")
        return shallow[0]
