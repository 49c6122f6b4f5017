"""What a candidate is held against, and how that went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from msgspec import Struct

from locoman.catalog.licences import Use
from locoman.evaluation.selection.subject import Subject

Outcome = Literal["passed", "failed", "unknown"]


class Check(Struct, frozen=True, forbid_unknown_fields=True):
    """How one requirement went, and why. "unknown" says what is not known, and eliminates nobody."""

    requirement: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody needs of a base; the defaults ask for nothing beyond what a standard base must have.

    Args:
        today: releases are judged by it.
        memory: bytes that the machine has.
        use: what the adapters are for; None asks for a permissive licence, as a standard base needs.
        languages: ISO 639 codes.
        context: tokens that a conversation must be able to hold.
        speed: the smaller of two good ones is wanted.
    """

    today: date
    memory: int | None = None
    use: Use | None = None
    languages: tuple[str, ...] = ()
    context: int | None = None
    speed: bool = False


Requirement = Callable[[Subject, Wishes], Check | None]
"""One requirement; None when nobody wished for it."""
