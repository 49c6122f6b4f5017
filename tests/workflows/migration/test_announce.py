"""Announcing a change of base: the calendar's rules, and those of a candidate."""

from __future__ import annotations

from datetime import date

import pytest
from support.candidates import add_candidate

from locoman.app import App
from locoman.errors import CheckFailed, InvalidFile, UnknownName, WrongPhase
from locoman.migration.calendar import Calendar, Semester
from locoman.names import BaseRef
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.migration.announce import AnnouncePlan, execute_announce, plan_announce
from locoman.workflows.migration.rollback import execute_rollback, plan_rollback
from locoman.workflows.migration.status import read_status

TODAY = date(2026, 11, 21)
TWIN = BaseRef("loco-twin")


def plan(home: Home, base: BaseRef = TWIN, today: date = TODAY, semester: Semester | None = None) -> AnnouncePlan:
    with App.load(home.root) as app:
        return plan_announce(home, app.shelf, Calendar(), today, base, semester=semester, reason="better")


def take_back(home: Home) -> None:
    with App.load(home.root) as app:
        execute_rollback(home, app.ollama())


def test_a_change_takes_effect_with_the_next_semester_and_keeps_the_old_base_for_one(copied: Home) -> None:
    add_candidate(copied)
    migration = execute_announce(copied, plan(copied))
    assert (migration.old, migration.new, migration.phase) == ("loco-tiny", "loco-twin", "announced")
    assert (migration.announced, migration.effective, migration.support_ends) == (
        "2026-11-21",
        "2027-02-01",
        "2027-09-01",
    )
    registry = load_registry(copied.registry)
    assert registry.base == "loco-tiny" and registry.migration == migration
    status = read_status(copied, TODAY)
    assert status is not None and status.next == "locoman migrate check"


def test_one_change_at_a_time(copied: Home) -> None:
    add_candidate(copied)
    first = plan(copied)
    execute_announce(copied, first)
    with pytest.raises(WrongPhase, match="announced"):
        plan(copied)
    with pytest.raises(WrongPhase, match="announced"):  # two were planned at once
        execute_announce(copied, first)


def test_a_change_that_was_taken_back_can_be_announced_again(copied: Home) -> None:
    add_candidate(copied)
    before = load_registry(copied.registry)
    first = execute_announce(copied, plan(copied))
    take_back(copied)
    after = load_registry(copied.registry)
    assert (after.base, after.bases, after.adapters) == (before.base, before.bases, before.adapters)
    second = execute_announce(copied, plan(copied))
    assert second.id != first.id
    assert [migration.phase for migration in load_registry(copied.registry).migrations] == ["rolled back", "announced"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"licence": '"unknown"'}, "names no licence"),
        ({"licence": '" "'}, "names no licence"),
    ],
)
def test_what_no_reason_sets_aside(copied: Home, changes: dict[str, str], sentence: str) -> None:
    add_candidate(copied, **changes)
    with pytest.raises(CheckFailed, match=sentence):
        execute_announce(copied, plan(copied), override="I want it")
    assert load_registry(copied.registry).migrations == ()


def test_the_base_in_use_is_no_candidate(copied: Home) -> None:
    with pytest.raises(CheckFailed, match="in use already"):
        execute_announce(copied, plan(copied, BaseRef("loco-tiny")), override="I want it")


def test_a_candidate_without_a_chat_template(copied: Home) -> None:
    add_candidate(copied)
    template = copied.modelfiles / "loco-twin" / "chat_template.jinja"
    template.write_text(" \n")
    with pytest.raises(CheckFailed, match="no chat template"):
        execute_announce(copied, plan(copied), override="I want it")
    template.unlink()
    with pytest.raises(InvalidFile, match="missing"):
        plan(copied)


def test_a_candidate_that_cannot_be_read_or_is_not_there(copied: Home) -> None:
    add_candidate(copied)
    (copied.modelfiles / "loco-twin.toml").write_text("format = 1\nname = ")
    with pytest.raises(InvalidFile):
        plan(copied)
    with pytest.raises(UnknownName, match="loco-tiny"):
        plan(copied, BaseRef("loco-tinny"))


@pytest.mark.parametrize("rule", ["size", "notice"])
def test_what_a_reason_sets_aside_is_recorded_with_it(copied: Home, rule: str) -> None:
    add_candidate(copied, disk_bytes="3_500_000_000" if rule == "size" else "7_000_000")
    planned = plan(copied, semester=Semester(2026, "autumn") if rule == "notice" else None)
    assert [hurdle.rule for hurdle in planned.hurdles] == [rule]
    with pytest.raises(CheckFailed, match="--override"):
        execute_announce(copied, planned)
    assert load_registry(copied.registry).migrations == ()
    migration = execute_announce(copied, planned, override="our laptops have 16 GB")
    assert migration.overrides == (f"{rule}: our laptops have 16 GB",)


def test_nothing_to_take_back(copied: Home) -> None:
    with pytest.raises(WrongPhase, match="No change of base is going on"):
        plan_rollback(copied)


def test_a_clock_that_went_back_is_named(copied: Home) -> None:
    add_candidate(copied)
    execute_announce(copied, plan(copied))
    status = read_status(copied, date(2020, 1, 1))
    assert status is not None and "clock" in status.warnings[0]
