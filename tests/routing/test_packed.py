from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.routing.packed import Packed


def unit(count: int, seed: int, width: int = 384) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 5, 255, 256, 257, 700]), st.integers(0, 1000))
def test_products_are_those_of_the_vectors_to_a_few_thousandths(count: int, seed: int) -> None:
    vectors = unit(count, seed)
    packed, asked = Packed.of(vectors), unit(1, seed + 1)[0]
    np.testing.assert_allclose(packed.products(asked), vectors @ asked, atol=3e-3)
    np.testing.assert_allclose(packed.products(asked), packed.unpacked() @ asked, atol=1e-6)


def test_packing_again_changes_nothing_and_takes_a_quarter() -> None:
    packed = Packed.of(unit(50, 0))
    np.testing.assert_array_equal(Packed.of(packed.unpacked()).numbers, packed.numbers)
    assert packed.numbers.nbytes * 4 == unit(50, 0).nbytes


def test_a_vector_of_zeros_stays_one() -> None:
    assert not Packed.of(np.zeros((2, 8), dtype=np.float32)).unpacked().any()


def test_scales_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="scales"):
        Packed(np.zeros((3, 8), dtype=np.int8), np.ones(2, dtype=np.float32))
