from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from locoman.routing.diagram import reliability_svg
from locoman.routing.measure import Judged, auroc, calibration_error, quality, reliability

NUMBERS = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_the_area_is_scikit_learns(own: list[float], others: list[float]) -> None:
    expected = roc_auc_score([1] * len(own) + [0] * len(others), own + others)
    assert auroc(np.array(own), np.array(others)) == pytest.approx(expected)


def test_honest_confidence_has_no_calibration_error_and_boasting_has() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.2, 1, 50_000)
    right = random.random(50_000) < confidence
    assert calibration_error(confidence, right) < 0.01
    assert calibration_error(np.full(1000, 0.95), np.arange(1000) % 2 == 0) == pytest.approx(0.45)


def test_figures_count_what_they_say() -> None:
    judged = Judged(
        labels=np.array([0, 0, 1, 1, -1, -1]),
        guesses=np.array([0, 1, 1, 1, 0, 1]),
        confidence=np.array([0.9, 0.6, 0.8, 0.7, 0.5, 0.5]),
        scope=np.array([3.0, 2.0, 3.5, 1.0, 0.5, 2.5]),
        kept=np.array([True, True, True, False, False, True]),
    )
    found = quality(judged)
    assert found.accuracy == 0.75
    assert found.kept_at_threshold == 0.75
    assert found.auroc == pytest.approx(6 / 8)
    assert found.oos_recall_at_95 == 0.5


def test_with_questions_of_one_kind_only_the_other_figures_are_missing() -> None:
    nobody = Judged(np.array([-1]), np.array([0]), np.array([0.5]), np.array([0.1]), np.array([False]))
    assert quality(nobody).figures() == dict.fromkeys(
        ("accuracy", "auroc", "oos_recall_at_95", "ece", "kept_at_threshold")
    )


def test_the_diagram_is_well_formed_and_tells_each_bin() -> None:
    import xml.etree.ElementTree as Xml

    bins = reliability(np.array([0.1, 0.95, 0.96]), np.array([False, True, True]), bins=10)
    root = Xml.fromstring(reliability_svg(bins, "a < b & c"))
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["1 questions, 10.0% sure, 0.0% right", "2 questions, 95.5% sure, 100.0% right"]
