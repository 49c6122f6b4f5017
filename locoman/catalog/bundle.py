"""A bundle: one sealed archive with a base, adapters, their router and licences, for machines without a network.

bundle.json, its last file, lists every other with size and sha256. Nothing in a bundle is compressed, so that it cannot
unpack to more than its own size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from locoman.errors import BadDelivery, LocomanError
from locoman.names import AdapterRef, BaseRef, Version, check_name
from locoman.progress import Progress, no_progress, shifted
from locoman.store.archive import Archive, open_archive
from locoman.store.atomic import mapped

MANIFEST_NAME = "bundle.json"
ROUTER_NAME = "router.npz"
ENCODER_FOLDER = "encoder"
FAT32_LIMIT = (1 << 32) - 1
"""The largest file on a stick formatted as FAT32, in bytes."""
_MAX_MANIFEST_BYTES = 16 << 20

_Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, Meta(min_length=1, max_length=500)]


class BundledFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file in the bundle."""

    name: str
    bytes: Annotated[int, Meta(ge=0)]
    sha256: _Sha256


class BundledBase(Struct, frozen=True, forbid_unknown_fields=True):
    """The base: the names of its GGUF and of its spec among the files, and the fingerprint it has."""

    name: str
    gguf: str
    spec: str
    fingerprint: str
    licence: _Text


class BundledAdapter(Struct, frozen=True, forbid_unknown_fields=True):
    """An adapter package: all files below `folder`. `active` ones answer once the bundle is installed."""

    name: str
    version: str
    base: str
    domain: str
    kind: Literal["lora", "prompt"]
    description: _Text
    licence: _Text
    folder: str
    active: bool

    @property
    def ref(self) -> AdapterRef:
        """Name and version."""
        return AdapterRef(self.name, Version.parse(self.version))


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """bundle.json. `base` None: adapters only. `router`: whether one for the active adapters is there."""

    format: Literal[1]
    adapters: tuple[BundledAdapter, ...]
    files: tuple[BundledFile, ...]
    base: BundledBase | None = None
    router: bool = False


class Bundle:
    """An open bundle whose list of files is true; their contents are compared as they are read. Made by `open_bundle`."""

    def __init__(self, archive: Archive, manifest: Manifest) -> None:
        self.path = archive.path
        self.manifest = manifest
        self._archive = archive
        self._files = {file.name: file for file in manifest.files}

    def file(self, name: str) -> BundledFile:
        """Raises BadDelivery when there is none of that name."""
        if name not in self._files:
            raise BadDelivery(self.path, f"{MANIFEST_NAME} in it names {name[:80]!r}, which is not there")
        return self._files[name]

    def below(self, folder: str) -> tuple[BundledFile, ...]:
        """The files below a folder."""
        return tuple(file for file in self.manifest.files if file.name.startswith(folder + "/"))

    def extract(self, name: str, target: Path, progress: Progress = no_progress) -> None:
        """Writes a file to `target`; it is gone again when it is not what it should be. Raises BadDelivery, StoreError."""
        try:
            self._compare(name, self._archive.extract(name, target, progress))
        except LocomanError:
            target.unlink(missing_ok=True)
            raise

    def extract_folder(self, folder: str, target: Path) -> None:
        """Writes all files below `folder` into the new folder `target`. Raises BadDelivery, StoreError."""
        with mapped(target):
            target.mkdir(parents=True)
        for file in self.below(folder):
            self.extract(file.name, target / PurePosixPath(file.name.removeprefix(folder + "/")))

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(file.bytes for file in self.manifest.files)

    def verify(self, progress: Progress = no_progress) -> None:
        """Reads all of it. Raises BadDelivery at the first file that is not what it should be."""
        done = 0
        for file in self.manifest.files:
            self._compare(file.name, self._archive.digest(file.name, shifted(progress, done, self.bytes)))
            done += file.bytes

    def _compare(self, name: str, sha256: str) -> None:
        if sha256 != self.file(name).sha256:
            raise BadDelivery(self.path, f"{name} in it does not match its sha256: it is damaged")


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Opens a bundle and checks its seal and its list of files. Raises BadDelivery, StoreError."""
    with mapped(path):
        size = path.stat().st_size if path.is_file() else 0
    with open_archive(path, max_bytes=size) as archive:
        data = archive.read(MANIFEST_NAME, _MAX_MANIFEST_BYTES)
        archive.check_seal()
        manifest = _read_manifest(data, path)
        stored = {entry.name: entry.bytes for entry in archive.entries if entry.name != MANIFEST_NAME}
        if stored != {file.name: file.bytes for file in manifest.files}:
            raise BadDelivery(path, f"{MANIFEST_NAME} in it does not list the files that it holds")
        bundle = Bundle(archive, manifest)
        for name in (manifest.base.gguf, manifest.base.spec) if manifest.base else ():
            bundle.file(name)
        if manifest.router:
            bundle.file(ROUTER_NAME)
        yield bundle


def is_bundle(path: Path) -> bool:
    """Whether the archive at `path` holds a bundle.json. Raises BadDelivery, StoreError."""
    with mapped(path):
        size = path.stat().st_size
    if path.suffix == ".locoman":
        return True  # also one that is damaged, so that it is told as what it is
    with open_archive(path, max_bytes=max(size, 1 << 30)) as archive:
        return any(entry.name == MANIFEST_NAME for entry in archive.entries)


def manifest_bytes(manifest: Manifest) -> bytes:
    """bundle.json, the same bytes for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _read_manifest(data: bytes, path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadDelivery(path, f"{MANIFEST_NAME} in it is broken: {str(error)[:200].lower()}") from error
    try:
        if manifest.base is not None:
            BaseRef.parse(manifest.base.name)
        for adapter in manifest.adapters:
            AdapterRef(check_name(adapter.name, "an adapter"), Version.parse(adapter.version))
            check_name(adapter.domain, "a domain")
            BaseRef.parse(adapter.base)
    except LocomanError as error:
        raise BadDelivery(path, str(error).rstrip(".")) from error
    return manifest
