"""Writes a trained package: the weights in their place, and in adapter.toml what they were trained on."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import msgspec

from locoman.catalog.manifest import Manifest
from locoman.documents import MAX_TOML_BYTES, parse_toml, read_text, toml_of
from locoman.errors import LocomanError
from locoman.store.atomic import mapped, publish, write_atomic
from locoman.workflows.training.plan import TrainPlan


def write_package(plan: TrainPlan, trained: Path) -> Path:
    """Puts the PEFT files of the folder `trained` into the package; gives back the package's folder. Raises StoreError.

    A new folder appears whole or not at all. In a package that is trained where it lies, the weights are exchanged first
    and adapter.toml last; a process killed in between leaves a training that is done and writes it again.
    """
    out = plan.out.absolute()
    with mapped(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        if plan.in_place:
            _exchange(trained, out / "weights" / plan.base.name)
            write_atomic(out / "adapter.toml", manifest_text(plan).encode())
            return plan.out
        with tempfile.TemporaryDirectory(prefix=".locoman-", dir=out.parent) as staging:
            made = Path(staging) / out.name
            shutil.copytree(plan.package.folder, made, ignore=_left_out)
            shutil.copytree(trained, made / "weights" / plan.base.name)
            (made / "adapter.toml").write_text(manifest_text(plan), encoding="utf-8", newline="\n")
            publish(made, out)
    return plan.out


def manifest_text(plan: TrainPlan) -> str:
    """adapter.toml with the base that was trained on, as it was otherwise: comments and order stay where that is possible."""
    path = plan.package.folder / "adapter.toml"
    text = read_text(path, MAX_TOML_BYTES)
    base = msgspec.structs.replace(plan.package.manifest.base, name=plan.base.name, fingerprint=plan.base.fingerprint)
    wanted = msgspec.structs.replace(plan.package.manifest, kind="lora", base=base)
    edited = _set(_set(_set(text, "kind", "lora"), "name", base.name, "base"), "fingerprint", base.fingerprint, "base")
    try:
        if parse_toml(edited, path, Manifest) == wanted:
            return edited
    except LocomanError:
        pass
    return toml_of(wanted)


def _set(text: str, key: str, value: str, table: str = "") -> str:
    """`text` with `key` of a table set to a plain string, where it is written on a line of its own."""
    start = 0
    if table:
        head = re.search(rf"(?m)^\[{table}\]", text)
        if head is None:
            return text
        start = head.end()
    end = re.compile(r"(?m)^\[").search(text, start)
    part = text[start : end.start() if end else len(text)]
    changed = re.sub(rf'(?m)^({key}\s*=\s*)"[^"\n]*"', lambda match: f'{match[1]}"{value}"', part, count=1)
    return text[:start] + changed + text[start + len(part) :]


def _exchange(trained: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".locoman-", dir=place.parent) as staging:
        fresh = Path(staging) / "new"
        shutil.copytree(trained, fresh)
        if place.exists():
            place.replace(Path(staging) / "old")
        publish(fresh, place)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Weights, which are made anew; links, which could point anywhere; what was made when it was installed."""
    return {name for name in names if name in ("weights", "adapter.gguf") or (Path(folder) / name).is_symlink()}
