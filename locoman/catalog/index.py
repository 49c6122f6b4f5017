"""index.json: which packages a web server offers, each an archive beside it, with size and sha256."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from locoman.catalog.manifest import Manifest
from locoman.errors import BadDelivery, LocomanError
from locoman.names import AdapterRef, BaseRef, Version, check_name
from locoman.store.archive import check_entry_name

INDEX_NAME = "index.json"
MAX_INDEX_BYTES = 8 << 20
MAX_PACKAGES = 10_000

_Text = Annotated[str, Meta(min_length=1, max_length=500)]
_Size = Annotated[int, Meta(gt=0, lt=1 << 40)]


class IndexedPackage(Struct, frozen=True, forbid_unknown_fields=True):
    """A package in an index: `file` lies beside the index; `bytes` are the archive's, `unpacked_bytes` those of its files."""

    name: str
    version: str
    base: str
    domain: str
    kind: Literal["lora", "prompt"]
    description: _Text
    licence: _Text
    file: str
    bytes: _Size
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    unpacked_bytes: _Size

    @property
    def ref(self) -> AdapterRef:
        """Name and version."""
        return AdapterRef(self.name, Version.parse(self.version))


class Index(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal[1]
    packages: tuple[IndexedPackage, ...]


def read_index(data: bytes, where: str) -> Index:
    """The index in `data`, every name checked; `where` is only named in errors. Raises BadDelivery."""
    try:
        index = msgspec.json.decode(data, type=Index)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadDelivery(where, f"no index of adapters: {str(error)[:200].lower()}") from error
    if len(index.packages) > MAX_PACKAGES:
        raise BadDelivery(where, f"more than {MAX_PACKAGES} packages")
    for package in index.packages:
        try:
            AdapterRef(check_name(package.name, "an adapter"), Version.parse(package.version))
            check_name(package.domain, "a domain")
            BaseRef.parse(package.base)
            check_entry_name(package.file, where)
        except LocomanError as error:
            raise BadDelivery(where, str(error).rstrip(".")) from error
    return index


def index_entry(manifest: Manifest, file: str, size: int, sha256: str, unpacked_bytes: int) -> IndexedPackage:
    """The line for the package of `manifest`, packed as `file`."""
    return IndexedPackage(
        manifest.name, manifest.version, manifest.base.name, manifest.domain, manifest.kind, manifest.description,
        manifest.licence, file, size, sha256, unpacked_bytes,
    )  # fmt: skip


def write_index(packages: list[IndexedPackage]) -> bytes:
    """The index as it is stored: sorted, the same bytes from the same packages."""
    ordered = sorted(packages, key=lambda package: (package.name, package.base, package.ref.number))
    return msgspec.json.format(msgspec.json.encode(Index(1, tuple(ordered))), indent=1) + b"\n"
