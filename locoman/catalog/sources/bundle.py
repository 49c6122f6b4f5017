"""A bundle as a source: the packages in it, compared with its digests as they are unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from locoman.catalog.bundle import open_bundle
from locoman.contracts import Listing
from locoman.names import BaseRef
from locoman.progress import Progress


class BundleSource:
    """The bundle's file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)

    def listings(self) -> Sequence[Listing]:
        """See `contracts.Source`. Raises InvalidFile, StoreError."""
        with open_bundle(self._path) as bundle:
            return tuple(
                Listing(
                    adapter.ref, BaseRef(adapter.base), adapter.domain, adapter.kind, adapter.description,
                    adapter.licence, 0, sum(file.bytes for file in bundle.below(adapter.folder)), self.name,
                    adapter.folder,
                )
                for adapter in bundle.manifest.adapters
            )  # fmt: skip

    def fetch(self, listing: Listing, progress: Progress) -> None:
        """See `contracts.Source`: it is here."""

    def unpack(self, listing: Listing, folder: Path) -> None:
        """See `contracts.Source`. Raises InvalidFile, StoreError."""
        with open_bundle(self._path) as bundle:
            bundle.extract_folder(listing.key, folder)

    def forget(self, listing: Listing) -> None:
        """See `contracts.Source`: nothing was fetched."""
