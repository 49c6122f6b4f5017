"""What the router learns from: questions and whose they are."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import msgspec

from locoman.documents import read_jsonl

_EVERYDAY = Path(__file__).parent / "data" / "everyday.jsonl"


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the adapter it belongs to; None means the plain base."""

    text: str
    adapter: str | None


@dataclass(frozen=True, slots=True)
class AdapterExamples:
    """What one adapter tells the router about itself.

    `keywords` are phrases that always mean it; below `minimum_confidence` (a probability) the base answers instead;
    `mine` and `not_mine` are example questions.
    """

    name: str
    keywords: tuple[str, ...] = ()
    minimum_confidence: float = 0.0
    mine: tuple[str, ...] = ()
    not_mine: tuple[str, ...] = ()


class _Line(msgspec.Struct, frozen=True):
    text: str


@functools.cache
def everyday_questions() -> tuple[str, ...]:
    """The shipped questions and remarks that belong to no adapter of any school subject."""
    return tuple(line.text for line in read_jsonl(_EVERYDAY, _Line))
