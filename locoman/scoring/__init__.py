"""Is an answer right: one scorer per file and one registry."""

from __future__ import annotations

from locoman.contracts import Scorer
from locoman.errors import UnknownName
from locoman.names import nearest
from locoman.scoring.contains import Contains
from locoman.scoring.exact import Exact
from locoman.scoring.numeric import Numeric

SCORERS: dict[str, Scorer] = {"exact": Exact(), "numeric": Numeric(), "contains": Contains()}


def find_scorer(name: str) -> Scorer:
    """Raises UnknownName with the nearest names."""
    try:
        return SCORERS[name]
    except KeyError:
        raise UnknownName("scorer", name, nearest(name, SCORERS)) from None
