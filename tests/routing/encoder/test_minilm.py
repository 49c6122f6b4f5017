from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.encoder import encoder_files, real_encoder
from support.encoder_goldens import GOLDEN, TEXTS, random_weights

from locoman.errors import InvalidFile
from locoman.routing.encoder.files import FILES, is_whole, open_encoder, verify
from locoman.routing.encoder.minilm import DIMENSIONS, WIDTH, MiniLM


class Known:
    """A tokenizer that looks its answers up."""

    def __init__(self) -> None:
        self._numbers = dict(zip(TEXTS, json.loads((GOLDEN / "tokens.json").read_text()), strict=True))

    def encode(self, text: str) -> list[int]:
        return self._numbers[text]


@pytest.fixture(scope="module")
def weights() -> dict[str, NDArray[np.float32]]:
    return random_weights()


@pytest.fixture(scope="module")
def drawn(weights: dict[str, NDArray[np.float32]]) -> MiniLM:
    def tensor(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        assert weights[name].shape == shape
        return weights[name]

    return MiniLM(Known(), tensor)  # type: ignore[arg-type]


def golden(name: str) -> NDArray[np.float32]:
    with np.load(GOLDEN / "vectors.npz") as stored:
        found: NDArray[np.float32] = stored[name]
        return found


def test_the_forward_pass_is_that_of_the_reference(drawn: MiniLM) -> None:
    np.testing.assert_allclose(drawn.encode(TEXTS), golden("random"), atol=2e-6)


def test_one_by_one_gives_what_many_at_once_give(drawn: MiniLM) -> None:
    single = np.concatenate([drawn.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(single, drawn.encode([*TEXTS, *TEXTS])[: len(TEXTS)], atol=2e-6)


class Spelt:
    """A tokenizer of texts that are token numbers."""

    def encode(self, text: str) -> list[int]:
        return [int(number) for number in text.split()]


@pytest.mark.parametrize("tokens", [1, 13, 14, 20, 21, 40, 41, 54, 55, 128])
def test_in_bands_of_whatever_size_or_whole_the_products_are_the_same(
    weights: dict[str, NDArray[np.float32]], tokens: int
) -> None:
    """A short text alone is multiplied in bands, a long one or many at once are not."""
    encoder = MiniLM(Spelt(), lambda name, shape: weights[name])  # type: ignore[arg-type]
    text = " ".join(map(str, np.random.default_rng(tokens).integers(0, 30000, tokens).tolist()))
    many = 1 + 64 // tokens
    np.testing.assert_allclose(encoder.encode([text])[0], encoder.encode([text] * many)[-1], atol=2e-6)


def test_vectors_have_the_length_that_makes_products_mean_cosines(drawn: MiniLM) -> None:
    vectors = drawn.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(vectors[:, :WIDTH], axis=1), 0.5**0.5, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_with_the_real_weights_vectors_are_those_of_the_reference() -> None:
    np.testing.assert_allclose(real_encoder().encode(TEXTS), golden("real"), atol=2e-6)


def test_the_real_files_have_their_digests() -> None:
    verify(encoder_files())


def test_files_of_another_size_are_not_the_encoder(tmp_path: Path) -> None:
    assert not is_whole(tmp_path)
    for file in FILES:
        (tmp_path / file.name).write_bytes(b"short")
    assert not is_whole(tmp_path)
    with pytest.raises(InvalidFile, match="bytes long"):
        verify(tmp_path)
    with pytest.raises(InvalidFile):
        open_encoder(tmp_path)
