"""Specs of bases that a machine's owner lays beside those that ship: what a change of base may lead to."""

from __future__ import annotations

import shutil

from locoman.catalog.shelf import shipped
from locoman.store.home import Home


def add_candidate(home: Home, name: str = "loco-twin", **changes: str) -> None:
    """loco-tiny's own spec and checkpoint under another name; `changes` replace whole lines, by their key."""
    source = shipped("modelfiles")
    home.modelfiles.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source / "loco-tiny", home.modelfiles / name)
    lines = (source / "loco-tiny.toml").read_text(encoding="utf-8").replace('"loco-tiny', f'"{name}').splitlines()
    for key, value in changes.items():
        (place,) = [number for number, line in enumerate(lines) if line.startswith(f"{key} =")]
        lines[place] = f"{key} = {value}"
    (home.modelfiles / f"{name}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
