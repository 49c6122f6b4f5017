"""Begins a package: a folder with a recipe that suits the base, and example lines to be replaced."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite, UsageError
from locoman.names import BaseRef, check_name
from locoman.store.atomic import mapped, publish
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, load_registry
from locoman.training.targets import linear_modules
from locoman.workflows.authoring.template import Blanks, files
from locoman.workflows.collection import base_file

_TINY = 50_000_000
"""Parameters below which a base needs a higher learning rate and more epochs."""
_LONGEST = 1024
_USUAL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class NewPackage:
    """The folder that will be made and the text of each file in it."""

    folder: Path
    base: str
    texts: dict[str, str]


def plan_new(home: Home, shelf: Shelf, name: str, base: BaseRef | None, domain: str, folder: Path | None) -> NewPackage:
    """A package `name` for `base` (default: the one in use) in `folder` (default: NAME in the working folder).

    Raises InvalidName, UnknownName, NothingInstalled, UsageError (the folder is there already), MissingPrerequisite (the
    base has to be installed first, because nothing tells its fingerprint).
    """
    check_name(name, "an adapter")
    domain = check_name(domain or name, "a domain")
    registry = load_registry(home.registry)
    spec = shelf.spec(base if base is not None else BaseRef(registry.current().name))
    installed = registry.find_base(spec.ref.name)
    fingerprint = installed.fingerprint if installed is not None else spec.spec.fingerprint
    if not fingerprint:
        raise MissingPrerequisite(
            f"What identifies {spec.ref} is known once it is installed.", f"locoman install --base {spec.ref}"
        )
    target = folder or Path(name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already; say where else the package shall go with --folder.")
    tiny = spec.spec.parameter_count < _TINY
    blanks = Blanks(
        name, domain, spec.ref.name, fingerprint, _targets(home, spec, installed), 6 if tiny else 3,
        3e-3 if tiny else 2e-4, 64 if tiny else 16, min(_LONGEST, spec.spec.runtime.context),
    )  # fmt: skip
    return NewPackage(target, spec.ref.name, files(blanks))


def execute_new(plan: NewPackage) -> None:
    """Makes the folder, whole or not at all. Raises StoreError."""
    with mapped(plan.folder):
        plan.folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".locoman-", dir=plan.folder.absolute().parent) as staging:
            made = Path(staging) / plan.folder.name
            made.mkdir()
            for name, text in plan.texts.items():
                (made / name).write_text(text, encoding="utf-8", newline="\n")
            publish(made, plan.folder.absolute())


def _targets(home: Home, spec: BaseSpec, installed: InstalledBase | None) -> tuple[str, ...]:
    """All linear modules inside the base's layers, as the base itself or its family names them."""
    if installed is not None:
        return linear_modules(base_file(home, installed))
    if spec.checkpoint is not None and spec.checkpoint.is_dir():
        return linear_modules(spec.checkpoint)
    return _USUAL
