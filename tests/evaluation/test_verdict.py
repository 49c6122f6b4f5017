from __future__ import annotations

import pytest

from locoman.evaluation.suite import SuiteGate
from locoman.evaluation.verdict import verdict


def scores(right: int, cases: int = 100) -> list[float]:
    return [1.0] * right + [0.0] * (cases - right)


@pytest.mark.parametrize(
    ("adapter", "base", "grade", "passed"),
    [
        (90, 50, "strong", True),
        (65, 50, "strong", True),
        (60, 50, "iterate", True),
        (55, 50, "unproven", False),  # 5 cases more of 100: McNemar's p is 0.0625
        (54, 50, "rethink", False),
        (50, 50, "rethink", False),
        (30, 50, "rethink", False),
    ],
)
def test_the_gain_decides_the_grade_and_chance_the_gate(adapter: int, base: int, grade: str, passed: bool) -> None:
    found = verdict(SuiteGate(), scores(adapter), scores(base))
    assert (found.grade, found.passed) == (grade, passed)
    assert found.passed == (not found.reasons)


def test_fewer_than_fifty_cases_prove_nothing() -> None:
    found = verdict(SuiteGate(), scores(40, 45), scores(5, 45))
    assert not found.passed
    assert found.grade == "unproven"
    assert "45 cases are too few" in found.reasons[0]


def test_the_gates_own_numbers_count_too() -> None:
    assert verdict(SuiteGate(minimum_score=0.9), scores(90), scores(10)).passed
    assert "under the gate's 95.0%" in verdict(SuiteGate(minimum_score=0.95), scores(90), scores(10)).reasons[0]
    assert "under the 40.0" in verdict(SuiteGate(minimum_gain=0.4), scores(80), scores(50)).reasons[0]


def test_a_loss_elsewhere_is_told_over_five_points_and_fails_over_ten() -> None:
    others = {
        "kept": (scores(80), scores(80)),
        "told": (scores(74), scores(80)),
        "lost": (scores(69), scores(80)),
    }
    found = verdict(SuiteGate(), scores(90), scores(50), others)
    told = {loss.suite: (loss.reported, loss.fails) for loss in found.losses}
    assert told == {"kept": (False, False), "told": (True, False), "lost": (True, True)}
    assert not found.passed
    assert found.reasons == ("it loses 11.0 points on lost, more than 10",)


def test_scores_between_zero_and_one_are_judged_by_their_mean() -> None:
    adapter, base = [0.5 + 0.004 * (n % 10) for n in range(60)], [0.3 + 0.004 * (n % 7) for n in range(60)]
    found = verdict(SuiteGate(), adapter, base)
    assert found.passed
    assert found.grade == "strong"
