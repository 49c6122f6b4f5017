from __future__ import annotations

import pytest

from locoman.evaluation.statistics import wilson


@pytest.mark.parametrize(
    ("right", "cases", "low", "high"),
    # from the closed form, checked against statsmodels.stats.proportion.proportion_confint(method="wilson")
    [(50, 100, 0.4038, 0.5962), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (92, 100, 0.8500, 0.9589)],
)
def test_wilson_equals_the_reference(right: int, cases: int, low: float, high: float) -> None:
    assert wilson(right, cases) == pytest.approx((low, high), abs=1e-4)


def test_no_cases_tell_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
