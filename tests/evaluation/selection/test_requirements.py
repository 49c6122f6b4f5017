"""What a base must have: passed, failed or unknown, each with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from support.choices import TODAY, WISHES, subject

from locoman.catalog.licences import find_licence, licences
from locoman.catalog.shelf import Shelf, shipped
from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.requirements import HARD, check_all
from locoman.evaluation.selection.subject import Subject, join, months_between


def outcome(name: str, model: Subject, wishes: Wishes = WISHES) -> tuple[str, str]:
    found = next(check for check in check_all(model, wishes) if check.requirement == name)
    return found.outcome, found.reason


def test_a_model_that_has_everything_passes_everything() -> None:
    assert [check.outcome for check in check_all(subject(), WISHES)] == ["passed"] * len(HARD)


@pytest.mark.parametrize(
    ("name", "changes", "expected", "reason"),
    [
        ("size", {"quantized_bytes": 3_000_000_000}, "failed", "not under 3 GB"),
        ("size", {"quantized_bytes": None, "parameters": 8e9}, "failed", "about 5 GB"),
        ("size", {"quantized_bytes": None, "parameters": 4.9e9}, "unknown", "too close"),
        ("size", {"quantized_bytes": None, "parameters": 1e9}, "passed", "about 625 MB"),
        ("size", {"quantized_bytes": None, "parameters": None}, "unknown", "neither"),
        ("instruct", {"kind": "base"}, "failed", "bare base"),
        ("instruct", {"kind": ""}, "unknown", "nobody"),
        ("gguf", {"gguf": False, "architecture": "qwen3"}, "passed", "converts qwen3"),
        ("gguf", {"gguf": False, "architecture": "mamba"}, "failed", "mamba"),
        ("gguf", {"gguf": False, "architecture": ""}, "unknown", "architecture"),
        ("licence", {"licence": "Gemma", "terms": find_licence("gemma")}, "failed", "prohibited use"),
        ("licence", {"licence": "Own-1.0", "terms": None}, "unknown", "Own-1.0"),
        ("licence", {"licence": "", "terms": None}, "unknown", "its licence"),
        ("maintained", {"line_released": "2024-09-25"}, "unknown", "26 months"),
        ("maintained", {"line_released": ""}, "unknown", "no release"),
    ],
)
def test_what_is_missing_is_named(name: str, changes: dict[str, object], expected: str, reason: str) -> None:
    found, why = outcome(name, replace(subject(), **changes))  # type: ignore[arg-type]
    assert found == expected
    assert reason in why


def test_a_named_use_asks_whether_the_licence_permits_it() -> None:
    llama = replace(subject(), licence="Llama-3.2-Community", terms=find_licence("llama3.2"))
    assert outcome("licence", llama)[0] == "failed"
    found, why = outcome("licence", llama, replace(WISHES, use="classroom"))
    assert found == "passed" and "Built with Llama" in why
    closed = replace(subject(), licence="CC-BY-NC-4.0", terms=find_licence("cc-by-nc-4.0"))
    assert outcome("licence", closed, replace(WISHES, use="commercial"))[0] == "failed"
    assert outcome("licence", closed, replace(WISHES, use="research"))[0] == "passed"


def test_wishes_that_nobody_has_are_not_checked() -> None:
    assert {check.requirement for check in check_all(subject(), WISHES)} == set(HARD)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"memory": 8_000_000_000}, "passed"), ({"memory": 4_000_000_000}, "failed"),
        ({"languages": ("de",)}, "passed"), ({"languages": ("de", "tr")}, "unknown"),
        ({"context": 4096}, "passed"), ({"context": 1 << 20}, "failed"),
    ],
)  # fmt: skip
def test_wishes_are_held_against_what_is_known(wish: dict[str, object], expected: str) -> None:
    checks = check_all(subject(), replace(WISHES, **wish))  # type: ignore[arg-type]
    assert next(check for check in checks if check.requirement in wish).outcome == expected


def test_a_language_fails_only_where_all_are_named() -> None:
    english = replace(subject(), languages=("en",), languages_total=1)
    assert outcome("languages", english, replace(WISHES, languages=("de",)))[0] == "failed"
    nothing = replace(subject(), languages=(), languages_total=None)
    assert outcome("languages", nothing, replace(WISHES, languages=("de",)))[0] == "unknown"


@pytest.mark.parametrize(("earlier", "months"), [("2025-08", 15), ("2025-08-31", 15), ("2025", 11), ("2026-11", 0)])
def test_months_are_counted_from_dates_as_exact_as_they_are(earlier: str, months: int) -> None:
    assert months_between(earlier, TODAY) == months


def test_every_candidate_that_ships_has_a_known_licence_and_sources() -> None:
    shelf = Shelf((shipped("modelfiles"),), ())
    candidates = shelf.candidates()
    assert len(candidates) >= 12
    for candidate in candidates:
        assert find_licence(candidate.licence) is not None, candidate.name
        assert all(figure.source and figure.date for figure in candidate.figures)
    joined = {each.name: each for each in join(shelf.specs(), candidates)}
    standard = joined["qwen3-4b-instruct"]
    assert standard.status == "standard" and standard.memory_bytes == 3_500_000_000  # the spec's numbers win
    assert standard.figure("fine-tuned rank") is not None  # the candidate's figures stay


def test_the_standard_base_meets_every_hard_requirement() -> None:
    shelf = Shelf((shipped("modelfiles"),), ())
    standard = next(each for each in join(shelf.specs(), shelf.candidates()) if each.status == "standard")
    assert all(check.outcome == "passed" for check in check_all(standard, Wishes(date(2026, 11, 1))))


def test_licences_are_found_as_the_hub_writes_them() -> None:
    assert find_licence("apache-2.0") is licences()["Apache-2.0"]
    assert find_licence("made-up") is None


def test_a_check_says_why() -> None:
    assert all(isinstance(check, Check) and check.reason for check in check_all(subject(), WISHES))
