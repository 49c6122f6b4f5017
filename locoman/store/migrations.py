"""What the registry keeps of a change of base."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]

Phase = Literal["announced", "checked", "prepared", "switched", "rolled back", "retired"]
"""How far it is. With "switched" the new base is in use and the old one is its fallback; the last two end it."""


class Succession(Struct, frozen=True):
    """Which base is the standard one here and which was before it ("" once it is retired), as changes of base decided."""

    standard: str
    previous: str
    academic_year: str


class Migration(Struct, frozen=True, forbid_unknown_fields=True):
    """A change from the base `old` to `new`.

    Args:
        announced, effective, support_ends: the day it was announced, the first on which it may be applied, and the first
            on which the old base may go.
        academic_year: the one in which `effective` lies, such as "2026-27".
        reason: why the base changes. overrides: rules that were set aside, each with the reason given.
        added: what was brought here for it, as "base" or "base/name@version"; it goes when the change is taken back.
            Written before it is brought, so it may name what never came.
        fallback: domain -> "name@version" of adapters of `old` that answer on, since `new` has none for their domain.
    """

    id: str
    old: str
    new: str
    phase: Phase
    announced: Day
    effective: Day
    support_ends: Day
    academic_year: str
    reason: str = ""
    overrides: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    fallback: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it still goes on."""
        return self.phase not in ("rolled back", "retired")
