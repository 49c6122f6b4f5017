"""The forward pass of all-MiniLM-L6-v2 (a BERT of 6 layers, 384 wide, 12 heads) in float32.

Architecture: Devlin et al., 2019; the model: Wang et al., 2020, "MiniLM", tuned by sentence-transformers.
A question of a dozen tokens reads every weight once, and that is what it costs: the weights stay where the file is mapped,
one copy for all processes of a machine, and the products take them as they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locoman.routing.encoder.wordpiece import WordPiece

WIDTH, INNER, LAYERS, HEADS = 384, 1536, 6, 12
DIMENSIONS = 2 * WIDTH
Halves = tuple[dict[int, float], dict[int, float]]
HALVES: Halves = ({3: 1.0, 4: 1.0}, {5: 0.5, 6: 1.0})
"""The layers, counted from 1, of which each half of a vector is the mean, and how much each weighs. What belongs together is
seen best between the last two; the two in the middle still hear the words. Chosen on questions that no figure is told of."""
BATCH = 32
_BANDS, _SMALL = (48, 32, 16), 1_000_000
_EPSILON = 1e-12

Floats = NDArray[np.float32]
_MEAN: Floats = np.full(WIDTH, 1 / WIDTH, dtype=np.float32)
Tensor = Callable[[str, tuple[int, ...]], Floats]
"""Hands out the named tensor of this shape. Raises InvalidFile."""


@dataclass(frozen=True, slots=True)
class _Dense:
    """y = W x + b with W of shape (out, in), for columns x.

    For few columns W is multiplied in bands of rows: products of up to _SMALL multiplications OpenBLAS does on W as it lies,
    while it would first copy all of a larger one, which takes longer than the product itself (three times, measured).
    """

    weight: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        out, width = self.weight.shape
        band = next((rows for rows in _BANDS if rows * x.size <= _SMALL), out)
        y: Floats = np.matmul(self.weight.reshape(-1, band, width), x).reshape(out, -1)
        y += self.bias[:, None]
        return y


@dataclass(frozen=True, slots=True)
class _Norm:
    """Brings every column to mean 0 and variance 1, then scales and shifts each row. Means are products: faster than sums."""

    weight: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        x = x - _MEAN @ x
        variance = _MEAN @ (x * x)
        x *= self.weight[:, None] * (1 / np.sqrt(variance + np.float32(_EPSILON)))
        x += self.bias[:, None]
        return x


@dataclass(frozen=True, slots=True)
class _Layer:
    query: _Dense
    key: _Dense
    value: _Dense
    attended: _Dense
    attended_norm: _Norm
    inner: _Dense
    outer: _Dense
    outer_norm: _Norm

    def __call__(self, x: Floats, batch: int) -> Floats:
        """`x` of shape (WIDTH, batch x tokens); all texts of a batch have the same length, so nothing is masked."""
        x = self.attended_norm(x + self.attended(self._attention(x, batch)))
        return self.outer_norm(x + self.outer(_gelu(self.inner(x))))

    def _attention(self, x: Floats, batch: int) -> Floats:
        query, key, value = (
            part(x).reshape(HEADS, WIDTH // HEADS, batch, -1).transpose(2, 0, 1, 3)
            for part in (self.query, self.key, self.value)
        )
        scores = key.swapaxes(-1, -2) @ query
        scores *= np.float32((WIDTH // HEADS) ** -0.5)
        scores -= scores.max(axis=-2, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-2, keepdims=True)
        attended = value @ scores
        return attended.transpose(1, 2, 0, 3).reshape(WIDTH, -1)


class MiniLM:
    """Text to vectors of DIMENSIONS numbers."""

    def __init__(self, tokenizer: WordPiece, tensor: Tensor, halves: Halves = HALVES) -> None:
        """Raises what `tensor` raises."""
        self._tokenizer = tokenizer
        self._halves = halves
        self._words = tensor("embeddings.word_embeddings.weight", (30522, WIDTH))
        places = tensor("embeddings.position_embeddings.weight", (512, WIDTH))
        self._places = places[:128] + tensor("embeddings.token_type_embeddings.weight", (2, WIDTH))[0]
        self._norm = _norm(tensor, "embeddings.LayerNorm")
        self._layers = [_layer(tensor, f"encoder.layer.{number}.") for number in range(LAYERS)]

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, DIMENSIONS): of each layer the mean over all tokens, brought to length 1; of these the weighted sum of
        each half's, brought to length sqrt(1/2). So the product of two vectors is the mean of two cosines, from -1 to 1."""
        tokens = [self._tokenizer.encode(text) for text in texts]
        by_length: dict[int, list[int]] = {}
        for place, numbers in enumerate(tokens):
            by_length.setdefault(len(numbers), []).append(place)
        result = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for places in by_length.values():
            for start in range(0, len(places), BATCH):
                chosen = places[start : start + BATCH]
                result[chosen] = self._forward(np.array([tokens[place] for place in chosen]))
        return result

    def _forward(self, tokens: NDArray[np.int64]) -> Floats:
        batch, length = tokens.shape
        x = self._norm((self._words[tokens] + self._places[:length]).reshape(-1, WIDTH).T)
        halves = np.zeros((2, batch, WIDTH), dtype=np.float32)
        for number, layer in enumerate(self._layers, start=1):
            x = layer(x, batch)
            for half, weights in zip(halves, self._halves, strict=True):
                if number in weights:
                    half += np.float32(weights[number]) * _unit(x.reshape(WIDTH, batch, length).mean(axis=2).T)
        return np.concatenate([_unit(half) for half in halves], axis=1) * np.float32(np.sqrt(0.5))


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _layer(tensor: Tensor, name: str) -> _Layer:
    attention = f"{name}attention."
    return _Layer(
        _dense(tensor, f"{attention}self.query", WIDTH, WIDTH),
        _dense(tensor, f"{attention}self.key", WIDTH, WIDTH),
        _dense(tensor, f"{attention}self.value", WIDTH, WIDTH),
        _dense(tensor, f"{attention}output.dense", WIDTH, WIDTH),
        _norm(tensor, f"{attention}output.LayerNorm"),
        _dense(tensor, f"{name}intermediate.dense", INNER, WIDTH),
        _dense(tensor, f"{name}output.dense", WIDTH, INNER),
        _norm(tensor, f"{name}output.LayerNorm"),
    )


def _dense(tensor: Tensor, name: str, out: int, into: int) -> _Dense:
    return _Dense(tensor(f"{name}.weight", (out, into)), tensor(f"{name}.bias", (out,)))


def _norm(tensor: Tensor, name: str) -> _Norm:
    return _Norm(tensor(f"{name}.weight", (WIDTH,)), tensor(f"{name}.bias", (WIDTH,)))


_GELU = (1.8139248537921247e-09, -1.3378309188459427e-07, 3.974069035276918e-06, -5.527337419231825e-05,
         -3.302674287168211e-05, 0.036334149172260445, 0.7978842683913092)  # fmt: skip


def _gelu(x: Floats) -> Floats:
    """x/2 (1 + erf(x / sqrt 2)), the exact GELU (Hendrycks and Gimpel, 2016), off by 5e-7 at most: erf(x / sqrt 2) is the tanh
    of x times a polynomial of its square, whose coefficients were fitted by Lawson's iteration (1961)."""
    half = x * np.float32(0.5)
    x *= _polynomial(x * x, _GELU)
    np.tanh(x, out=x)
    x *= half
    x += half
    return x


def _polynomial(x: Floats, coefficients: Sequence[float]) -> Floats:
    """Horner's scheme, the highest power first."""
    result = x * np.float32(coefficients[0])
    for coefficient in coefficients[1:-1]:
        result += np.float32(coefficient)
        result *= x
    result += np.float32(coefficients[-1])
    return result
