"""Carries an adapter to another base: its package again, with the new base in its manifest and a version of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec import structs

from locoman.catalog.manifest import AdapterPackage, BaseRequirement, Manifest
from locoman.documents import toml_of
from locoman.progress import Progress
from locoman.store.atomic import mapped
from locoman.store.registry import InstalledAdapter, InstalledBase
from locoman.store.transaction import Transaction
from locoman.workflows.adapter_files import finish_adapter
from locoman.workflows.migration.verdicts import carried_ref


def carried(manifest: Manifest, base: InstalledBase) -> Manifest:
    """The manifest for `base`: the same adapter, one minor version on."""
    return structs.replace(
        manifest,
        version=str(carried_ref(manifest.ref).version),
        base=BaseRequirement(base.name, base.fingerprint if manifest.kind == "lora" else ""),
    )


def stage_carried(
    tx: Transaction, base: InstalledBase, package: AdapterPackage, source: str, progress: Progress
) -> InstalledAdapter:
    """Publishes (without committing) the package's copy for `base`; its weights are converted for that base and checked.

    Raises WrongBase, InvalidFile, StoreError.
    """
    manifest = carried(package.manifest, base)
    folder = tx.staging / f"{manifest.name}-{manifest.version}"
    with mapped(folder):
        shutil.copytree(package.folder, folder, ignore=lambda where, names: _left_behind(package, Path(where), names))
        if package.weights is not None:
            shutil.copytree(package.weights, folder / "weights" / base.name)
        (folder / "adapter.toml").write_text(toml_of(manifest), encoding="utf-8")
    return finish_adapter(tx, base, folder, source, progress)


def _left_behind(package: AdapterPackage, where: Path, names: list[str]) -> set[str]:
    """What was made for the old base: its weights, and the GGUF that was converted for it."""
    return {name for name in names if where == package.folder and name in ("weights", "adapter.gguf")}
