"""Files of questions and whose they are, as `router test`, `learn` and `bench` read them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from locoman.documents import read_numbered
from locoman.errors import InvalidFile

MAX_TEXT = 4000  # characters


class Labelled(Struct, frozen=True):
    """A question and its `owner`: an adapter or a domain, None for nobody, whose questions the plain base answers."""

    text: str
    owner: str | None


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    """`adapter` and `domain` are two words for one thing; `intent`, and the `batch` of a feedback.jsonl, are not read."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    adapter: str | UnsetType | None = UNSET
    domain: str | UnsetType | None = UNSET
    intent: str | None = None
    batch: int = 0


def read_labelled(path: Path) -> tuple[Labelled, ...]:
    """The lines of a JSON-lines file. Raises InvalidFile for one without a question or an owner, and for an empty file."""
    lines = tuple(_labelled(line, path, number) for number, line in read_numbered(path, _Line))
    if not lines:
        raise InvalidFile(path, "there is no line in it")
    return lines


def _labelled(line: _Line, path: Path, number: int) -> Labelled:
    owners = {owner for owner in (line.adapter, line.domain) if owner is not UNSET}
    if not line.text.strip():
        raise InvalidFile(path, "a line without a question", line=number)
    if not owners:
        raise InvalidFile(
            path, 'it does not say whose question it is: "adapter" (or "domain"), null for nobody', line=number
        )
    if len(owners) > 1:
        raise InvalidFile(path, "its adapter and its domain are not the same", line=number)
    (owner,) = owners
    return Labelled(line.text, owner)
