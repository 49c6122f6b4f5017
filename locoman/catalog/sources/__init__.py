"""Where adapter packages come from: one kind of source per file, behind `contracts.Source`."""

from __future__ import annotations

from pathlib import Path

from locoman.contracts import Source
from locoman.errors import UsageError

SHIPPED = "shipped"


def open_source(text: str, downloads: Path) -> Source:
    """The source that `text` means: "shipped", an http(s) address of an index, a folder, a bundle,
    or a package in a zip file.

    `downloads` is where packages of an index are kept while they are fetched. Raises UsageError.
    """
    if text == SHIPPED:
        from locoman.catalog.shelf import shipped
        from locoman.catalog.sources.folder import FolderSource

        return FolderSource(shipped("adapters"), SHIPPED)
    if text.startswith(("https://", "http://")):
        from locoman.catalog.sources.index import IndexSource

        return IndexSource(text, downloads)
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        from locoman.catalog.sources.folder import FolderSource

        return FolderSource(path)
    if path.is_file():
        return _archive(path)
    raise UsageError(f"{text[:200]!r} is no source of adapters: neither a folder, nor a bundle, nor an https address.")


def _archive(path: Path) -> Source:
    from locoman.catalog.bundle import is_bundle
    from locoman.catalog.sources.bundle import BundleSource
    from locoman.catalog.sources.packed import PackedSource

    return BundleSource(path) if is_bundle(path) else PackedSource(path)
