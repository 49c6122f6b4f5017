from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.routing.kernels import Noise
from locoman.routing.learner import learn
from locoman.routing.scorer import Owners

NOISE = Noise(own=0.1, nobodys=0.1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 1000), st.booleans())
def test_the_nearest_are_the_mean_of_the_two_largest_of_each_class(sizes: list[int], seed: int, ties: bool) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    owners = Owners.of(labels, len(sizes))
    random = np.random.default_rng(seed)
    similarities = random.integers(0, 3, (4, len(labels))) / 2 if ties else random.random((4, len(labels)))
    expected = [[np.mean(np.sort(row[labels == label])[-2:]) for label in range(len(sizes))] for row in similarities]
    np.testing.assert_allclose(owners.nearest(similarities.astype(np.float32)), expected, rtol=1e-6)
    np.testing.assert_array_equal(owners.labels, labels)


def clouds(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around as many centres, as cosines, and their labels."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(sizes), 8)) * 2
    points = np.concatenate([centre + random.normal(size=(n, 8)) for centre, n in zip(centres, sizes, strict=True)])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return (points @ points.T).astype(np.float32), np.repeat(np.arange(len(sizes)), sizes)


def test_probabilities_add_up_and_scope_decides_at_one_half() -> None:
    alike, labels = clouds([20, 20, 30])
    learned = learn(np.exp(3 * (alike - 1)), alike, labels, np.arange(70), NOISE)
    judgement = learned.scorer.judge(np.exp(3 * (alike - 1)), alike)
    np.testing.assert_allclose(judgement.shares.sum(axis=1), 1)
    np.testing.assert_array_equal(judgement.somebody >= 0.5, judgement.scope >= learned.scorer.threshold)
    assert (judgement.among.argmax(axis=1) == labels)[labels < 2].mean() > 0.95


def test_a_class_of_many_examples_does_not_drown_one_of_few() -> None:
    alike, labels = clouds([200, 8, 40], seed=3)
    learned = learn(np.exp(3 * (alike - 1)), alike, labels, np.arange(248), NOISE)
    few = labels == 1
    assert (learned.judgement.among.argmax(axis=1) == 1)[few].mean() >= 0.7


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(0, 1000), st.floats(0, 0.01))
def test_no_more_than_a_trace_of_evidence_is_nobodys(sizes: list[int], seed: int, trace: float) -> None:
    alike, labels = clouds(sizes, seed)
    learned = learn(alike, alike, labels, np.arange(len(labels)), NOISE)
    faint = np.full((1, len(labels)), trace * learned.scorer.scale.spread[:2].min(), dtype=np.float32)
    assert learned.scorer.judge(faint, faint).somebody[0] < 0.5


@pytest.mark.parametrize("sizes", [[1, 1], [1, 1, 1], [2, 1, 5]])
def test_a_handful_of_examples_is_enough_to_judge(sizes: list[int]) -> None:
    alike, labels = clouds(sizes)
    judgement = learn(alike, alike, labels, np.arange(len(labels)), NOISE).judgement
    assert np.isfinite(judgement.shares).all()
