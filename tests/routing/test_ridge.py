from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.routing.ridge import ridge


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 12), st.integers(1, 4), st.integers(0, 1000))
def test_left_out_scores_are_those_of_a_fit_that_has_not_seen_the_group(texts: int, classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(texts, 5))
    kernel = np.exp(-((points[:, None] - points[None]) ** 2).sum(axis=2) / 5)
    targets, noise = random.normal(size=(texts, classes)), random.uniform(0.05, 0.5, texts)
    groups = random.integers(0, max(2, texts // 2), texts)
    found = ridge(kernel, targets, noise, groups)
    np.testing.assert_allclose((kernel + np.diag(noise)) @ found.weights, targets, atol=1e-8)
    for group in np.unique(groups):
        out, kept = groups == group, groups != group
        if not kept.any():
            continue
        inner = kernel[np.ix_(kept, kept)] + np.diag(noise[kept])
        expected = kernel[np.ix_(out, kept)] @ np.linalg.solve(inner, targets[kept])
        np.testing.assert_allclose(found.left_out[out], expected, atol=1e-6)
