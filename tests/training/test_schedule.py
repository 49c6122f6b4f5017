from __future__ import annotations

import pytest

from locoman.training.schedule import Schedule, rate_factor


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_to_the_full_rate_and_never_above(schedule: Schedule) -> None:
    factors = [rate_factor(schedule, step, 100, 0.1) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[:10] == sorted(factors[:10])
    assert max(factors) == factors[9] == 1.0
    assert min(factors) > 0


@pytest.mark.parametrize(
    ("schedule", "middle", "last"), [("cosine", 0.5, 0.001), ("linear", 0.5, 0.02), ("constant", 1, 1)]
)
def test_after_the_warm_up_the_rate_follows_the_schedule(schedule: Schedule, middle: float, last: float) -> None:
    assert rate_factor(schedule, 55, 100, 0.1) == pytest.approx(middle, abs=0.01)
    assert rate_factor(schedule, 99, 100, 0.1) == pytest.approx(last, abs=0.02)


def test_a_training_of_one_step_takes_it_at_the_full_rate() -> None:
    assert rate_factor("cosine", 0, 1, 0.0) == 1.0
