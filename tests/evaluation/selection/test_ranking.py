"""Which base is better, and by what evidence."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluations import candidate

from locoman.evaluation.selection.evidence import CandidateEvaluation
from locoman.evaluation.selection.ranking import compare, rank

CASES = 40
FEW = 6
scores = st.one_of(st.none(), st.lists(st.sampled_from([0.0, 1.0]), min_size=FEW, max_size=FEW))
speeds = st.one_of(st.none(), st.floats(0, 100))


@st.composite
def pairs(draw: st.DrawFn) -> list[CandidateEvaluation]:
    count = draw(st.integers(1, 3))
    return [
        candidate(f"b{n}", draw(scores), draw(scores), draw(speeds), draw(st.booleans()), draw(st.sampled_from([None, 1, 2])))
        for n in range(count)
    ]  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(pairs(), st.randoms(use_true_random=False))
def test_a_ranking_names_everybody_once_whatever_the_order_given(
    found: list[CandidateEvaluation], chance: random.Random
) -> None:
    first = rank(found)
    assert sorted(first.order) == sorted(each.name for each in found)
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert rank(shuffled) == first
    failed = {each.name: each.eliminated for each in found}
    assert [failed[name] for name in first.order] == sorted(failed[name] for name in first.order)
    assert len(first.comparisons) == len(found) - 1


@settings(max_examples=15, deadline=None)
@given(pairs())
def test_comparing_the_other_way_round_gives_the_same_winner(found: list[CandidateEvaluation]) -> None:
    a, b = found[0], found[-1]
    one, other = compare(a, b), compare(b, a)
    assert one.decided_by == other.decided_by
    if one.decided_by:
        assert (one.better, one.worse) == (other.better, other.worse)


def mostly(share: float) -> list[float]:
    return [float(place < share * CASES) for place in range(CASES)]


def test_the_score_after_training_decides_before_everything_else_that_is_measured() -> None:
    tunable = candidate("tunable", mostly(0.1), mostly(0.9), 10.0, rank_elsewhere=9)
    clever = candidate("clever", mostly(0.6), mostly(0.5), 100.0, rank_elsewhere=1)
    found = compare(clever, tunable)
    assert (found.better, found.decided_by) == ("tunable", "score after training")
    assert "tunable 90.0 %" in found.evidence[1] and "95 % interval" in found.evidence[1]


def test_a_difference_that_could_be_chance_decides_nothing() -> None:
    one, other = candidate("one", mostly(0.5)), candidate("other", mostly(0.55))
    assert compare(one, other).decided_by == ""


def test_speed_decides_where_the_scores_do_not() -> None:
    slow, fast = candidate("slow", mostly(0.5), speed=10.0), candidate("fast", mostly(0.5), speed=30.0)
    assert compare(slow, fast).decided_by == "speed"
    assert rank([slow, fast]).order == ("fast", "slow")


def test_whoever_fails_a_requirement_comes_last_however_good() -> None:
    good, failing = candidate("good", mostly(0.1)), candidate("failing", mostly(1.0), mostly(1.0), failed=True)
    assert rank([failing, good]).order == ("good", "failing")


def test_without_any_evidence_nobody_is_called_better() -> None:
    found = compare(candidate("a"), candidate("b"))
    assert found.decided_by == ""
