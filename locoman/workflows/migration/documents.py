"""What follows a change of base on paper: the new base's spec as it stands here, Modelfiles, and recipes to train again."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from locoman.catalog.manifest import BaseRequirement, Manifest, read_package
from locoman.catalog.shelf import Shelf
from locoman.documents import toml_of
from locoman.errors import NoOllamaTemplate
from locoman.names import BaseRef, Version
from locoman.store.atomic import mapped
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import InstalledBase, Registry
from locoman.store.transaction import Transaction
from locoman.workflows.collection import installed_base
from locoman.workflows.migration.places import documents_of
from locoman.workflows.modelfile import plan_modelfile


def publish_documents(tx: Transaction, shelf: Shelf, registry: Registry, migration: Migration) -> Path:
    """Makes them for the state `registry`, all of them or none, in place of earlier ones. Raises StoreError, InvalidFile."""
    new = installed_base(registry, BaseRef(migration.new))
    folder = tx.staging / "documents"
    files = {
        f"{new.name}.toml": _spec(shelf, migration),
        **_modelfiles(tx.home, shelf, registry, new),
        **_recipes(tx.home, registry, migration, new),
    }
    with mapped(folder):
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    final = documents_of(tx.home, migration)
    tx.publish(folder, final)
    return final


def retrained(manifest: Manifest, base: InstalledBase) -> Manifest:
    """The manifest with which the adapter is trained again for `base`: the same recipe, a major version on."""
    version = Version(Version.parse(manifest.version).major + 1, 0, 0)
    required = BaseRequirement(base.name, base.fingerprint if manifest.kind == "lora" else "")
    return structs.replace(manifest, version=str(version), base=required)


def _spec(shelf: Shelf, migration: Migration) -> str:
    spec = shelf.spec(BaseRef(migration.new)).spec
    return toml_of(structs.replace(spec, status="standard", academic_year=migration.academic_year))


def _modelfiles(home: Home, shelf: Shelf, registry: Registry, new: InstalledBase) -> dict[str, str]:
    """For a base whose prompts no Go template writes there is none."""
    try:
        files = {f"{new.name}.Modelfile": plan_modelfile(home, shelf, new.name).text}
        for adapter in registry.active_of(new):
            shown = plan_modelfile(home, shelf, new.name, adapter=adapter.name)
            files[f"{new.name}-{adapter.name}.Modelfile"] = shown.text
        return files
    except NoOllamaTemplate:
        return {}


def _recipes(home: Home, registry: Registry, migration: Migration, new: InstalledBase) -> dict[str, str]:
    """adapter.toml, for the new base, of every adapter that still answers from the old one."""
    found = {}
    for adapter in registry.adapters_of(migration.old):
        if str(adapter.ref) in migration.fallback.values():
            manifest = read_package(home.root / adapter.package).manifest
            found[f"retrain/{adapter.name}/adapter.toml"] = toml_of(retrained(manifest, new))
    return found
