"""The encoder with its real weights: its vectors, and that they are those of the weights' own graph and near the reference."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.encoder import encoder_files, real_encoder
from support.encoder_goldens import GOLDEN, TEXTS

from locoman.errors import InvalidFile
from locoman.routing.encoder.bge import DIMENSIONS, MANY, WIDTH, open_encoder
from locoman.routing.encoder.files import OUTPUTS, VOCABULARY, WEIGHTS

Floats = NDArray[np.float32]
NEAR, NEAR_ON_THE_WHOLE = 0.99, 0.995  # measured: 0.994 and 0.9965


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return real_encoder().encode(TEXTS)


def golden(name: str) -> Floats:
    with np.load(GOLDEN / "vectors.npz") as stored:
        found: Floats = stored[name]
        return found


def test_vectors_have_the_length_that_makes_products_mean_cosines(vectors: Floats) -> None:
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), DIMENSIONS), np.float32)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors[:, :WIDTH], axis=1), 0.5**0.5, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors[:, WIDTH:], axis=1), 0.5**0.5, rtol=1e-5)


def test_one_by_one_gives_bit_for_bit_what_many_at_once_give(vectors: Floats) -> None:
    """Many are read by several threads; a vector must not change with who is asked beside it."""
    assert len(TEXTS) > MANY
    np.testing.assert_array_equal(np.concatenate([real_encoder().encode([text]) for text in TEXTS]), vectors)
    np.testing.assert_array_equal(real_encoder().encode([*TEXTS, *TEXTS[::-1]])[-len(TEXTS) :], vectors[::-1])
    np.testing.assert_array_equal(real_encoder().encode(TEXTS[: MANY - 1]), vectors[: MANY - 1])


def test_halves_are_the_means_of_their_layers(vectors: Floats) -> None:
    """In double precision, from what the layers say of each token."""
    for text, vector in zip(TEXTS, vectors, strict=True):
        means = {n: states.astype(np.float64).mean(axis=0) for n, states in real_encoder().layers(text).items()}
        unit = {n: mean / np.linalg.norm(mean) for n, mean in means.items()}
        halves = [unit[7] + unit[9], unit[11] + unit[12]]
        expected = np.concatenate([half / np.linalg.norm(half) for half in halves]) * np.sqrt(0.5)
        np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_layers_are_those_of_the_whole_file_opened_plainly() -> None:
    """With its weights in the file, and as large as it is."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = ort.InferenceSession(str(encoder_files() / WEIGHTS.name), options, providers=["CPUExecutionProvider"])
    known = json.loads((GOLDEN / "tokens.json").read_text())
    for text, numbers in zip(TEXTS, known, strict=True):
        tokens = np.array([numbers], dtype=np.int64)
        fed = {"input_ids": tokens, "attention_mask": tokens * 0 + 1, "token_type_ids": tokens * 0}
        (states,) = plain.run(["last_hidden_state"], fed)
        layers = real_encoder().layers(text)
        assert layers.keys() == OUTPUTS.keys()
        assert {states.shape for states in layers.values()} == {(len(numbers), WIDTH)}
        np.testing.assert_allclose(layers[12], states[0], atol=1e-6)


def test_vectors_are_near_those_of_the_weights_before_they_were_made_whole_numbers(vectors: Floats) -> None:
    products = vectors @ golden("real").T
    own = products.diagonal()
    assert own.min() >= NEAR, own
    assert own.mean() >= NEAR_ON_THE_WHOLE
    np.testing.assert_array_equal(products.argmax(axis=1), np.arange(len(TEXTS)))
    np.testing.assert_array_equal(products.argmax(axis=0), np.arange(len(TEXTS)))


def test_what_means_the_same_is_nearer_than_what_shares_words() -> None:
    asked, alike, other = real_encoder().encode(
        ["How many days are left until Christmas?", "when is xmas", "How many cups are left in the kitchen?"]
    )
    assert asked @ alike > asked @ other


def test_damage_is_told_at_the_first_text_and_a_bad_vocabulary_at_once(tmp_path: Path) -> None:
    (tmp_path / VOCABULARY.name).write_text("[UNK]\n[CLS]\n[SEP]\n")
    (tmp_path / WEIGHTS.name).write_bytes(b"no model")
    encoder = open_encoder(tmp_path)
    for _ in range(2):
        with pytest.raises(InvalidFile, match=WEIGHTS.name):
            encoder.encode(["a"])
    (tmp_path / VOCABULARY.name).write_text("a\nb\n")
    with pytest.raises(InvalidFile, match="CLS"):
        open_encoder(tmp_path, Future())
