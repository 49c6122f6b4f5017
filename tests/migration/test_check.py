"""From evidence to a verdict: cheap levels first, no more asked than is open, and the rule as it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import altered_bases as altered

from locoman.migration.check import check_adapter
from locoman.migration.evidence import Evidence, Finding, LevelName, Outcome
from locoman.migration.scores import Asked, Scores
from locoman.migration.thresholds import thresholds
from locoman.migration.verdict import decide

LEVELS: tuple[LevelName, ...] = ("structure", "tokenizer", "template", "licence", "drift", "behaviour")
CANDIDATE = altered.of_checkpoint(altered.TINY).candidate


class Asking:
    """A measure that remembers what it was asked."""

    def __init__(self, **scores: float) -> None:
        self.scores = {name.replace("_", " "): share for name, share in scores.items()}
        self.asked: list[tuple[Asked, ...]] = []

    def __call__(self, asked: Sequence[Asked]) -> Scores:
        self.asked.append(tuple(asked))
        return {
            who: [1.0] * round(200 * self.scores[who]) + [0.0] * round(200 * (1 - self.scores[who])) for who in asked
        }


def test_a_check_goes_through_all_levels_and_then_asks_once() -> None:
    measure = Asking(adapter_on_old=0.95, adapter_on_new=0.95, new_alone=0.1)
    verdict = check_adapter(altered.words(), CANDIDATE, measure)
    assert [evidence.level for evidence in verdict.evidence] == list(LEVELS)
    assert (verdict.verdict, verdict.decided_by) == ("compatible", "behaviour")
    assert measure.asked == [("adapter on old", "adapter on new", "new alone")]
    assert verdict.seconds == sum(evidence.seconds for evidence in verdict.evidence) > 0


def test_nothing_is_compatible_that_was_not_asked() -> None:
    verdict = check_adapter(altered.words(), CANDIDATE)
    assert verdict.verdict == "recheck"
    assert verdict.reason.endswith("Its own cases were not asked.")
    without_cases = check_adapter(altered.words(), CANDIDATE, lambda asked: {})
    assert (without_cases.verdict, without_cases.decided_by) == ("recheck", "behaviour")
    assert "0 cases" in without_cases.reason


def test_the_first_level_that_fails_is_the_last_that_is_looked_at(tmp_path: Path) -> None:
    candidate = replace(altered.other_dimensions(tmp_path / "base", 1).candidate, licence="CC-BY-NC-ND-4.0")
    verdict = check_adapter(altered.words(), candidate)
    assert [evidence.level for evidence in verdict.evidence] == ["structure"]
    assert verdict.verdict == "incompatible"
    assert verdict.at("licence") is None
    assert verdict.at("structure") is verdict.evidence[0]


@pytest.mark.parametrize(("alone", "expected"), [(0.94, "obsolete"), (0.5, "incompatible")])
def test_weights_that_cannot_move_are_not_asked_but_may_be_obsolete(
    tmp_path: Path, alone: float, expected: str
) -> None:
    measure = Asking(adapter_on_old=0.9, new_alone=alone)
    candidate = altered.other_dimensions(tmp_path / "base", 1).candidate
    assert check_adapter(altered.words(), candidate, measure).verdict == expected
    assert measure.asked == [("adapter on old", "new alone")]


def test_a_licence_that_inherits_keeps_an_adapter_from_moving_unread() -> None:
    measure = Asking(adapter_on_old=0.95, adapter_on_new=0.95, new_alone=0.1)
    verdict = check_adapter(altered.words(), replace(CANDIDATE, licence="llama3.2"), measure)
    assert (verdict.verdict, verdict.decided_by) == ("recheck", "licence")


def evidence(level: LevelName, outcome: Outcome, word: str = "") -> Evidence:
    return Evidence(level, Finding(outcome, word, f"{level} says {outcome}."), 0.0)


@given(st.lists(st.sampled_from(["pass", "concern", "fail", "open"]), min_size=6, max_size=6), st.booleans())
def test_the_rule(outcomes: list[Outcome], asked: bool) -> None:
    found = [evidence(level, outcome) for level, outcome in zip(LEVELS, outcomes, strict=True)]
    by = dict(zip(LEVELS, outcomes, strict=True))
    if not asked:
        found.pop()
        del by["behaviour"]
    verdict, rests_on = decide(found)
    failed = [level for level in by if by[level] == "fail"]
    assert rests_on in found
    if failed:
        expected = "incompatible" if failed[0] in ("structure", "tokenizer", "licence") else "retrain"
        assert (verdict, rests_on.level) == (expected, failed[0])
    else:
        shown = by.get("behaviour") == "pass" and by["licence"] == "pass"
        assert verdict == ("compatible" if shown else "recheck")


@given(st.lists(st.sampled_from(["pass", "concern", "fail", "open"]), min_size=5, max_size=5))
def test_a_base_that_suffices_makes_obsolete_whatever_the_weights(outcomes: list[Outcome]) -> None:
    found = [evidence(level, outcome) for level, outcome in zip(LEVELS[:-1], outcomes, strict=True)]
    assert decide([*found, evidence("behaviour", "fail", "base suffices")])[0] == "obsolete"


def test_the_thresholds_are_in_order() -> None:
    rule = thresholds()
    assert rule.drift.same <= min(rule.drift.quantized.values())
    assert max(rule.drift.quantized.values()) < rule.drift.unrelated < 128
    assert rule.behaviour.compatible_loss < rule.behaviour.retrain_loss
    assert rule.drift.explained_by("q4_k_m") == 16
    assert rule.drift.explained_by("a new one") == max(rule.drift.quantized.values())
