"""routing.toml in LOCOMAN_HOME: what this machine's user wants of the router, over what the adapters declare."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from locoman.documents import read_toml
from locoman.store.home import Home


class Wishes(Struct, frozen=True, forbid_unknown_fields=True):
    """`keywords` and `minimum_confidence` are by adapter and take the place of its own. `wrong_cost`: how many times worse
    a wrong adapter is than the plain base; 0 asks for nothing beyond the threshold."""

    wrong_cost: Annotated[float, Meta(ge=0.0, le=1000.0)] = 0.0
    keywords: dict[str, tuple[Annotated[str, Meta(min_length=2, max_length=200)], ...]] = field(default_factory=dict)
    minimum_confidence: dict[str, Annotated[float, Meta(ge=0.0, le=1.0)]] = field(default_factory=dict)


def read_wishes(home: Home) -> Wishes:
    """Raises InvalidFile, UnknownKey."""
    return read_toml(home.wishes, Wishes) if home.wishes.exists() else Wishes()
