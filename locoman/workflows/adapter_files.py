"""Brings an adapter package into LOCOMAN_HOME: copied, checked against the base, its LoRA converted to GGUF."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.catalog.manifest import LORA_GGUF, AdapterPackage, Manifest, read_package
from locoman.catalog.spec import BaseSpec
from locoman.errors import BadDelivery, InvalidFile, WrongBase
from locoman.names import AdapterRef
from locoman.progress import Progress
from locoman.scoring import check_scorer
from locoman.store.atomic import mapped
from locoman.store.digests import sha256_of, sha256_of_folder
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry
from locoman.store.transaction import Transaction
from locoman.workflows.collection import base_file

MAX_PACKAGE_BYTES = 1 << 30
MAX_PACKAGE_FILES = 1000
DISK_SHARE = 2.1  # an adapter's GGUF lies beside its package
GGUF_NAME = "adapter.gguf"


@dataclass(frozen=True, slots=True)
class AdapterStep:
    """An adapter in a plan: "keep" one that is installed, byte for byte, or "install" it; `bytes` on disk."""

    action: Literal["keep", "install"]
    package: AdapterPackage
    digest: str
    bytes: int

    @property
    def ref(self) -> AdapterRef:
        """Its name and version."""
        return self.package.manifest.ref


def plan_adapter(home: Home, registry: Registry, spec: BaseSpec, package: AdapterPackage) -> AdapterStep:
    """What installing `package` beside the base of `spec` would do. Raises WrongBase, InvalidFile."""
    manifest = package.manifest
    if manifest.base.name != spec.ref.name:
        raise WrongBase(str(manifest.ref), spec.ref.name, f"it was made for {manifest.base.name}")
    with mapped(package.folder):
        sizes = [path.stat().st_size for path in package.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    if len(sizes) > MAX_PACKAGE_FILES or sum(sizes) > MAX_PACKAGE_BYTES:
        raise InvalidFile(
            package.folder, f"more than {MAX_PACKAGE_FILES} files or {MAX_PACKAGE_BYTES >> 30} GiB in a package"
        )
    digest = sha256_of_folder(package.folder)
    keep = _installed(home, registry, manifest, digest) is not None
    return AdapterStep("keep" if keep else "install", package, digest, int(sum(sizes) * DISK_SHARE))


def package_path(manifest: Manifest, digest: str) -> str:
    """Where a package is kept, relative to LOCOMAN_HOME: its content is in the name, so a path never changes meaning."""
    return f"adapters/{manifest.name}/{manifest.version}+{digest[:12]}"


def installed_whole(home: Home, registry: Registry, base: str, ref: AdapterRef) -> InstalledAdapter | None:
    """The record of that version, if its files are there and its weights as they were installed."""
    for adapter in registry.adapters_of(base):
        if adapter.ref == ref:
            gguf = home.root / adapter.gguf
            whole = (home.root / adapter.package / "adapter.toml").is_file()
            whole = whole and (not adapter.gguf or (gguf.is_file() and sha256_of(gguf) == adapter.sha256))
            return adapter if whole else None
    return None


def _installed(home: Home, registry: Registry, manifest: Manifest, digest: str) -> InstalledAdapter | None:
    """The record of this very package, if its files are whole."""
    found = installed_whole(home, registry, manifest.base.name, manifest.ref)
    return found if found is not None and found.package == package_path(manifest, digest) else None


@contextmanager
def named_as_given(staged: Path, given: Path | str) -> Iterator[None]:
    """Errors of files in the folder `staged`, which is gone when somebody reads of them, name them where they came from.

    `given`: the folder itself, which a person can mend, or the name of what it came packed in.
    """
    try:
        yield
    except InvalidFile as error:
        if not error.path.is_relative_to(staged):
            raise
        name = error.path.relative_to(staged)
        if isinstance(given, Path):
            raise InvalidFile(given / name, error.detail, line=error.line, column=error.column) from error
        raise BadDelivery(f"{given}, {name}", error.detail, line=error.line, column=error.column) from error


def stage_adapter(tx: Transaction, base: InstalledBase, step: AdapterStep, progress: Progress) -> InstalledAdapter:
    """Copies, checks, converts and publishes (without committing) one adapter. Raises InvalidFile, WrongBase, StoreError."""
    manifest = step.package.manifest
    # Looked at again: since the plan was made, another process may have installed or removed it.
    installed = _installed(tx.home, tx.registry, manifest, step.digest)
    if installed is not None:
        return installed
    staged = tx.staging / f"{manifest.name}-{manifest.version}"
    with mapped(staged):
        shutil.copytree(step.package.folder, staged, symlinks=True, ignore=_symlinks)
    with named_as_given(staged, step.package.folder):
        return _finish(tx, base, AdapterPackage(staged, manifest), step.digest, "", progress)


def finish_adapter(
    tx: Transaction, base: InstalledBase, folder: Path, source: str, progress: Progress
) -> InstalledAdapter:
    """As `stage_adapter`, for a package that already lies in the staging folder. `source` as the registry keeps it."""
    package = read_package(folder)
    if package.manifest.base.name != base.name:
        raise WrongBase(str(package.manifest.ref), base.name, f"it was made for {package.manifest.base.name}")
    digest = sha256_of_folder(folder)
    installed = _installed(tx.home, tx.registry, package.manifest, digest)
    return installed or _finish(tx, base, package, digest, source, progress)


def _finish(
    tx: Transaction, base: InstalledBase, package: AdapterPackage, digest: str, source: str, progress: Progress
) -> InstalledAdapter:
    manifest = package.manifest
    _read_everything(package)
    weights = _weights(package, tx, base, progress) if manifest.kind == "lora" else None
    sha256 = sha256_of(weights) if weights else ""
    name = weights.relative_to(package.folder).as_posix() if weights else ""
    published = tx.publish(package.folder, tx.home.root / package_path(manifest, digest))
    return InstalledAdapter(
        name=manifest.name,
        version=manifest.version,
        domain=manifest.domain,
        base=base.name,
        kind=manifest.kind,
        package=published,
        gguf=f"{published}/{name}" if name else "",
        sha256=sha256,
        source=source,
    )


def _read_everything(package: AdapterPackage) -> None:
    """A broken line is refused here, with its place, and not on the day it is needed."""
    package.cases()
    package.routing()
    check_scorer(package.manifest.gate.scorer, package.manifest.gate.options)


def _weights(package: AdapterPackage, tx: Transaction, base: InstalledBase, progress: Progress) -> Path:
    """The package's LoRA in GGUF: converted now, or checked if it came as one."""
    from locoman.weights.fingerprint import Fingerprint, compare
    from locoman.weights.lora import check_lora_gguf, convert_lora, plan_lora

    required = Fingerprint.parse(package.manifest.base.fingerprint)
    if not compare(required, Fingerprint.parse(base.fingerprint)).same_model:
        detail = "it was trained on a base with other weights, tokenizer or dimensions"
        raise WrongBase(str(package.manifest.ref), base.name, detail)
    weights = package.weights
    if weights is None or not weights.is_dir():
        raise InvalidFile(package.folder, f"the weights for {base.name} are missing")
    ready = weights / LORA_GGUF
    if ready.is_file() and not (weights / "adapter_config.json").is_file():
        check_lora_gguf(ready, base_file(tx.home, base))
        return ready
    target = package.folder / GGUF_NAME
    convert_lora(plan_lora(weights, base_file(tx.home, base)), target, progress)
    return target


def _symlinks(folder: str, names: list[str]) -> set[str]:
    """What copytree leaves out: links, which could point anywhere."""
    return {name for name in names if (Path(folder) / name).is_symlink()}
