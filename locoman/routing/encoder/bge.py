"""bge-small-en-v1.5 (Xiao et al., 2023, "C-Pack"): a BERT of 12 layers, 384 wide, its weights in whole numbers of 8 bits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from locoman.documents import read_text
from locoman.routing.encoder.files import OUTPUTS, VOCABULARY, WEIGHTS
from locoman.routing.encoder.runtime import Session, opening
from locoman.routing.encoder.wordpiece import WordPiece, read_vocabulary
from locoman.routing.features import Floats

WIDTH = 384
DIMENSIONS = 2 * WIDTH
HALVES = ((7, 9), (11, 12))
"""The layers, counted from 1, of which each half of a vector is the mean. What belongs together is seen best at the end; those
in the middle still hear the words. Other layers near these do as well within .002; the last alone is worse by .001 to .003."""
MANY = 8  # texts, from which on all cores share them


class BgeSmall:
    """Text to vectors of DIMENSIONS numbers."""

    def __init__(self, tokenizer: WordPiece, session: Future[Session]) -> None:
        """`session`: of the weights' graph with OUTPUTS; it is waited for at the first text."""
        self._tokenizer = tokenizer
        self._session = session

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, DIMENSIONS): of each half's layers the mean over all tokens, brought to length 1; of these the mean,
        brought to length sqrt(1/2). So the product of two vectors is the mean of two cosines, from -1 to 1.

        Each text is read by itself: what others are asked with it makes no difference. Raises what opening the session does.
        """
        self._session.result()
        if len(texts) < MANY:
            return np.stack([self._vector(text) for text in texts])
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return np.stack(list(threads.map(self._vector, texts)))

    def layers(self, text: str) -> dict[int, Floats]:
        """What the layers of OUTPUTS make of each token, by their numbers; shape (tokens, WIDTH). Raises as `encode`."""
        tokens = np.array([self._tokenizer.encode(text)], dtype=np.int64)
        all_of_them, first_sentence = np.ones_like(tokens), np.zeros_like(tokens)
        fed = {"input_ids": tokens, "attention_mask": all_of_them, "token_type_ids": first_sentence}
        found = self._session.result().run(list(OUTPUTS.values()), fed)
        return {layer: states[0] for layer, states in zip(OUTPUTS, found, strict=True)}

    def _vector(self, text: str) -> Floats:
        layers = {number: _unit(states.mean(axis=0)) for number, states in self.layers(text).items()}
        halves = [_unit(np.sum([layers[number] for number in half], axis=0)) for half in HALVES]
        return np.concatenate(halves) * np.float32(0.5**0.5)


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def open_encoder(folder: Path, session: Future[Session] | None = None) -> BgeSmall:
    """The encoder in a folder whose files were verified when they came; `session` if it is being opened already.

    Raises InvalidFile, StoreError.
    """
    session = session or opening(folder / WEIGHTS.name, OUTPUTS.values())
    vocabulary = folder / VOCABULARY.name
    return BgeSmall(read_vocabulary(read_text(vocabulary, VOCABULARY.bytes), vocabulary), session)
