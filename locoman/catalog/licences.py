"""What the licences of models permit: a data file, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from locoman.documents import read_toml

Use = Literal["classroom", "commercial", "research"]
USES: tuple[Use, ...] = ("classroom", "commercial", "research")

_FILE = Path(__file__).with_name("licences.toml")


class Licence(Struct, frozen=True, forbid_unknown_fields=True):
    """A licence; `naming`, `acceptable_use` and `limits` are "" where it has no such rule."""

    title: Annotated[str, Meta(min_length=1)]
    permissive: bool
    uses: tuple[Use, ...]
    derivatives: bool
    source: str
    aliases: tuple[str, ...] = ()
    naming: str = ""
    acceptable_use: str = ""
    limits: str = ""
    duties: tuple[str, ...] = ()

    @property
    def strings(self) -> tuple[str, ...]:
        """What is attached to a derivative beyond notices: rules on names, on use, on who may."""
        return tuple(text for text in (self.naming, self.acceptable_use, self.limits) if text)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    licences: dict[str, Licence]


@cache
def licences() -> dict[str, Licence]:
    """Every known licence by its name."""
    return read_toml(_FILE, _File).licences


def find_licence(text: str) -> Licence | None:
    """The licence that `text` names (also as the hub writes it); None for one that is not known here."""
    wanted = text.strip().lower()
    for name, licence in licences().items():
        if wanted in (name.lower(), *(alias.lower() for alias in licence.aliases)):
            return licence
    return None


def licence_name(text: str) -> str:
    """`text` as the data file calls it, where it is known there."""
    found = find_licence(text)
    return next((name for name, licence in licences().items() if licence is found), text) if found else text
