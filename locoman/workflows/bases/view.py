"""What can be compared: the bases that have a spec here and the candidates beside them."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.catalog.shelf import Shelf
from locoman.evaluation.selection.subject import Subject, choose, join


def subjects(shelf: Shelf, names: Sequence[str] = ()) -> tuple[Subject, ...]:
    """The named models, else all. Raises UnknownName, InvalidFile."""
    return choose(join(shelf.specs(), shelf.candidates()), names)
