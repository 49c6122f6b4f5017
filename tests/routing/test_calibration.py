from __future__ import annotations

import numpy as np
import pytest

from locoman.routing.calibration import (
    DOUBT,
    LARGEST,
    choose_threshold,
    fit_slope,
    fit_sureness,
    fit_temperature,
    softmax,
)


@pytest.mark.parametrize("true_factor", [0.3, 1.0, 3.0])
def test_the_temperature_undoes_a_wrong_scale(true_factor: float) -> None:
    random = np.random.default_rng(1)
    honest = random.normal(0, 2, (4000, 4))
    labels = np.array([random.choice(4, p=row) for row in softmax(honest)])
    found = fit_temperature(honest / true_factor, labels, np.ones(len(labels)))
    assert found == pytest.approx(true_factor, rel=0.08)


def test_the_temperature_stays_bounded_when_everything_is_right() -> None:
    labels = np.arange(40) % 2
    assert fit_temperature(np.eye(2)[labels] * 5, labels, np.ones(40)) == pytest.approx(LARGEST, rel=0.01)


def test_weights_say_whose_likelihood_counts() -> None:
    logits = np.tile([2.0, 0.0], (20, 1))
    labels = np.repeat([0, 1], 10)
    for_the_right, for_the_wrong = np.repeat([1.0, 0.01], 10), np.repeat([0.01, 1.0], 10)
    assert fit_temperature(logits, labels, for_the_right) > 1 > fit_temperature(logits, labels, for_the_wrong)


def test_questions_worded_like_anothers_become_doubt_and_leave_the_temperature_alone() -> None:
    random = np.random.default_rng(4)
    honest = random.normal(0, 3, (6000, 5))
    labels = np.array([random.choice(5, p=row) for row in softmax(honest)])
    lucky = random.random(len(labels)) < 0.1
    labels[lucky] = random.integers(0, 5, lucky.sum())
    found = fit_sureness(honest / 2, labels, np.ones(len(labels)))
    assert found.temperature == pytest.approx(2, rel=0.1)
    assert found.doubt == pytest.approx(0.1, abs=0.02)
    np.testing.assert_allclose(found.probabilities(honest).sum(axis=1), 1)
    assert found.probabilities(honest * 100).max() < 0.95


def test_a_handful_of_examples_leaves_the_doubt_where_it_was() -> None:
    labels = np.arange(6) % 2
    assert fit_sureness(np.eye(2)[labels] * 5, labels, np.ones(6)).doubt == pytest.approx(DOUBT, rel=0.3)


def test_the_threshold_keeps_ninety_six_of_a_hundred_own_questions() -> None:
    own = np.linspace(-3.0, 2.0, 200)
    threshold = choose_threshold(own, np.array([0.0]), silent=-9.0)
    assert 0.95 <= np.mean(own >= threshold) <= 0.97


def test_without_own_questions_the_threshold_is_where_a_silent_text_is() -> None:
    assert choose_threshold(np.array([]), np.array([]), silent=0.45) == 0.45


def test_where_nobodys_questions_are_far_away_the_threshold_leaves_room_for_other_wordings() -> None:
    own, others = np.linspace(0.0, 1.0, 100), np.full(100, -4.0)
    assert choose_threshold(own, others, silent=-9.0) == pytest.approx(-1.98, abs=0.02)
    assert choose_threshold(own, np.full(100, 0.9), silent=-9.0) == pytest.approx(0.04, abs=0.01)


def test_the_slope_is_that_of_the_odds() -> None:
    random = np.random.default_rng(2)
    over = random.normal(0, 2, 20_000)
    somebody = random.random(len(over)) < 1 / (1 + np.exp(-1.7 * over))
    assert fit_slope(over, somebody) == pytest.approx(1.7, rel=0.1)


def test_without_questions_of_nobody_there_is_no_slope_to_measure() -> None:
    assert fit_slope(np.array([1.0, 2.0]), np.array([True, True])) == 1.0


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([1000.0, 0.0])), [1, 0])
