from __future__ import annotations

import numpy as np
import pytest

from locoman.routing.calibration import (
    HIGHEST_THRESHOLD,
    LOWEST_THRESHOLD,
    choose_threshold,
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
    assert fit_temperature(np.eye(2)[labels] * 5, labels, np.ones(40)) == pytest.approx(8, rel=0.01)


def test_weights_say_whose_likelihood_counts() -> None:
    logits = np.tile([2.0, 0.0], (20, 1))
    labels = np.repeat([0, 1], 10)
    for_the_right, for_the_wrong = np.repeat([1.0, 0.01], 10), np.repeat([0.01, 1.0], 10)
    assert fit_temperature(logits, labels, for_the_right) > 1 > fit_temperature(logits, labels, for_the_wrong)


def test_the_threshold_keeps_ninety_five_of_a_hundred_own_questions() -> None:
    own = np.linspace(0.3, 0.9, 200)
    threshold = choose_threshold(own, silent=0.1)
    assert 0.94 <= np.mean(own >= threshold) <= 0.96


@pytest.mark.parametrize(
    ("own", "silent", "expected"),
    [
        ([0.99] * 50, 0.1, HIGHEST_THRESHOLD),
        ([0.05] * 50, 0.1, LOWEST_THRESHOLD),
        ([], 0.1, HIGHEST_THRESHOLD),
        ([1.0] * 50, 1.0, 1.0),
    ],
)
def test_the_threshold_stays_within_reason(own: list[float], silent: float, expected: float) -> None:
    assert choose_threshold(np.array(own), silent) == expected


def test_a_text_without_evidence_stays_below_the_threshold() -> None:
    assert choose_threshold(np.full(50, 0.3), silent=0.45) > 0.45


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([1000.0, 0.0])), [1, 0])
