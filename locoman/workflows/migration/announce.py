"""Announces a change of base: the rules of the calendar and of a candidate, then one write of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from msgspec import structs

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import CheckFailed, UsageError, WrongPhase
from locoman.migration.calendar import Calendar, Semester
from locoman.migration.phases import NEXT
from locoman.names import BaseRef
from locoman.sizes import megabytes
from locoman.store.home import Home
from locoman.store.migrations import Migration
from locoman.store.registry import Registry, load_registry
from locoman.store.transaction import change
from locoman.workflows.migration.places import journal_of

MAX_BYTES = 3_000_000_000
"""A base must fit beside a browser on a laptop of 8 GB."""
_NO_LICENCE = ("", "none", "unknown", "other", "proprietary")


@dataclass(frozen=True, slots=True)
class Hurdle:
    """Something that stands against an announcement. What is `final` no reason sets aside."""

    rule: str
    sentence: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncePlan:
    """The change as it would be recorded, and what stands against it."""

    migration: Migration
    semester: Semester
    hurdles: tuple[Hurdle, ...]


def plan_announce(
    home: Home,
    shelf: Shelf,
    calendar: Calendar,
    today: date,
    new: BaseRef,
    *,
    semester: Semester | None = None,
    reason: str = "",
) -> AnnouncePlan:
    """A change from the base in use to `new`, to take effect with `semester` (default: the one after this).

    Raises NothingInstalled, UnknownName, InvalidFile, WrongPhase (another change is going on).
    """
    registry = load_registry(home.registry)
    old = registry.current()
    if registry.migration is not None:
        raise WrongPhase("announce", registry.migration.phase, NEXT[registry.migration.phase])
    semester = semester or calendar.of(today).next
    effective = calendar.begins(semester)
    migration = Migration(
        id=_new_id(registry, f"{semester}-{new.name}"),
        old=old.name,
        new=new.name,
        phase="announced",
        announced=today.isoformat(),
        effective=effective.isoformat(),
        support_ends=calendar.begins(semester.next).isoformat(),
        academic_year=semester.academic_year,
        reason=reason,
    )
    spec = shelf.spec(new)
    hurdles = (*_of_candidate(spec, old.name), *_of_calendar(registry, calendar, today, semester, migration))
    return AnnouncePlan(migration, semester, hurdles)


def execute_announce(home: Home, plan: AnnouncePlan, override: str = "") -> Migration:
    """Records the change; `override` is the reason for which rules are set aside.

    Raises CheckFailed (a rule stands against it), WrongPhase, StoreError.
    """
    final = [hurdle for hurdle in plan.hurdles if hurdle.final]
    if final:
        raise CheckFailed(final[0].sentence)
    if plan.hurdles and not override.strip():
        raise CheckFailed(f"{plan.hurdles[0].sentence} With --override REASON it can be announced all the same.")
    overrides = tuple(f"{hurdle.rule}: {override.strip()}" for hurdle in plan.hurdles)
    migration = structs.replace(plan.migration, overrides=overrides)
    with change(home) as tx:
        if tx.registry.migration is not None:
            raise WrongPhase("announce", tx.registry.migration.phase, NEXT[tx.registry.migration.phase])
        if tx.registry.base != migration.old:
            raise UsageError("Another base is in use since this was planned.")
        journal_of(home, migration).write("announce", data={"reason": migration.reason, "overrides": list(overrides)})
        tx.commit(tx.registry.with_migration(migration))
    return migration


def _new_id(registry: Registry, wanted: str) -> str:
    known = {migration.id for migration in registry.migrations}
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(known) + 3)))
    return next(name for name in names if name not in known)


def _of_candidate(spec: BaseSpec, old: str) -> Iterator[Hurdle]:
    name, size = spec.ref.name, spec.spec.runtime.disk_bytes or spec.spec.runtime.download_bytes
    if name == old:
        yield Hurdle("another base", f"{name} is the base in use already.", final=True)
    if spec.spec.licence.strip().lower() in _NO_LICENCE:
        yield Hurdle("licence", f"{name} names no licence, and every adapter made for it inherits one.", final=True)
    if not spec.chat_template().strip():
        yield Hurdle("chat template", f"{name} has no chat template: it is no instruct model.", final=True)
    if size > MAX_BYTES:
        limit = f"a base may have {megabytes(MAX_BYTES)} at most"
        yield Hurdle("size", f"{name} takes {megabytes(size)}, and {limit}, for laptops with 8 GB of memory.")
    if spec.spec.status == "retired":
        yield Hurdle("status", f"{name} was retired.")


def _of_calendar(
    registry: Registry, calendar: Calendar, today: date, semester: Semester, migration: Migration
) -> Iterator[Hurdle]:
    if calendar.begins(semester) <= calendar.begins(calendar.of(today)):
        yield Hurdle("notice", f"{semester} has begun; a change is announced one semester ahead.")
    for earlier in registry.migrations:
        if earlier.academic_year == migration.academic_year and earlier.phase == "retired":
            sentence = f"The base was changed to {earlier.new} in {earlier.academic_year}, and it changes once a year."
            yield Hurdle("once a year", sentence)
