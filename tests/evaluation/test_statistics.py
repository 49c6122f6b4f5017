from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.evaluation.statistics import binomial_p, bootstrap, mcnemar, mean_interval, paired_bootstrap, wilson

A = [1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1]
B = [0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0]
SHARES = [0.1, 0.2, 0.25, 0.4, 0.4, 0.55, 0.6, 0.7, 0.9, 1.0]


@pytest.mark.parametrize(
    ("right", "cases", "low", "high"),
    # from the closed form, checked against statsmodels.stats.proportion.proportion_confint(method="wilson")
    [(50, 100, 0.4038, 0.5962), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (92, 100, 0.8500, 0.9589)],
)
def test_wilson_equals_the_reference(right: int, cases: int, low: float, high: float) -> None:
    assert wilson(right, cases) == pytest.approx((low, high), abs=1e-4)


def test_no_cases_tell_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert mean_interval([]).low == 0.0


@pytest.mark.parametrize(
    ("few", "count", "p"),
    # scipy.stats.binomtest(few, count, 0.5).pvalue, scipy 1.17.1
    [
        (0, 5, 0.0625),
        (1, 8, 0.0703125),
        (3, 10, 0.34375),
        (12, 40, 0.01658900337497471),
        (2, 31, 4.628673195838928e-07),
        (45, 100, 0.36820161732669615),
        (60, 200, 1.507061557352626e-08),
    ],
)
def test_the_exact_binomial_equals_scipy(few: int, count: int, p: float) -> None:
    assert binomial_p(few, count) == pytest.approx(p, rel=1e-12)


def test_mcnemar_counts_the_cases_on_which_the_two_disagree() -> None:
    # 7 cases only A has right, 1 only B: scipy.stats.binomtest(1, 8).pvalue
    assert mcnemar(A, B) == pytest.approx(0.0703125)
    assert mcnemar(A, A) == 1.0
    with pytest.raises(ValueError, match="cannot be paired"):
        mcnemar(A, B[:-1])


def test_bootstrap_intervals_are_near_those_of_scipy() -> None:
    # scipy.stats.bootstrap(..., numpy.mean, n_resamples=200000, method="percentile"), scipy 1.17.1
    found = bootstrap(SHARES)
    assert (found.value, found.low, found.high) == pytest.approx((0.51, 0.34, 0.69), abs=0.01)
    paired = paired_bootstrap(A, B)
    assert (paired.value, paired.low, paired.high) == pytest.approx((0.3, 0.05, 0.55), abs=0.01)


def test_the_same_seed_gives_the_same_interval_and_another_a_near_one() -> None:
    assert paired_bootstrap(A, B, seed=7) == paired_bootstrap(A, B, seed=7)
    assert paired_bootstrap(A, B, seed=8).low == pytest.approx(paired_bootstrap(A, B, seed=7).low, abs=0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_holds_its_estimate_and_stays_among_scores(scores: list[float]) -> None:
    found = mean_interval(scores)
    assert -1e-12 <= found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12 <= 1.0 + 2e-12


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_comparison_does_not_depend_on_who_stands_first(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    assert mcnemar(a, b) == mcnemar(b, a)
    assert paired_bootstrap(a, b).value == pytest.approx(-paired_bootstrap(b, a).value)
