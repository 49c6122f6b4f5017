"""modelfiles/*.Modelfile: of every base that ships, what `locoman modelfile write` gives where nothing is installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from locoman.catalog.shelf import Shelf, shipped
from locoman.store.home import Home
from locoman.workflows.modelfile import plan_modelfile


def render() -> Iterator[tuple[Path, str]]:
    """(path, text) of each."""
    shelf = Shelf((shipped("modelfiles"),), (shipped("adapters"),))
    with tempfile.TemporaryDirectory() as empty:
        for spec in shelf.specs():
            yield spec.path.with_suffix(".Modelfile"), plan_modelfile(Home(Path(empty)), shelf, spec.ref.name).text


def write() -> None:
    """Renews them all."""
    for path, text in render():
        path.write_text(text, encoding="utf-8", newline="\n")
