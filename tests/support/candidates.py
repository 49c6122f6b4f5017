"""Specs of bases that a machine's owner lays beside those that ship: what a change of base may lead to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from locoman.catalog.shelf import shipped
from locoman.store.home import Home


def add_candidate(
    home: Home, name: str = "loco-twin", checkpoint: Callable[[Path], object] | None = None, **changes: str
) -> None:
    """loco-tiny's own spec and checkpoint under another name, or what `checkpoint` writes into a new folder.

    `changes` replace whole lines of the spec, by their key.
    """
    source = shipped("modelfiles")
    home.modelfiles.mkdir(parents=True, exist_ok=True)
    if checkpoint is None:
        shutil.copytree(source / "loco-tiny", home.modelfiles / name)
    else:
        checkpoint(home.modelfiles / name)
        changes["fingerprint"] = '""'
    lines = (source / "loco-tiny.toml").read_text(encoding="utf-8").replace('"loco-tiny', f'"{name}').splitlines()
    for key, value in changes.items():
        (place,) = [number for number, line in enumerate(lines) if line.startswith(f"{key} =")]
        lines[place] = f"{key} = {value}"
    (home.modelfiles / f"{name}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
