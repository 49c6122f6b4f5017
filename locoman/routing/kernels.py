"""How alike two texts are, in numbers: by their words and characters alone, and by what they mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from locoman.routing.features import Floats


@dataclass(frozen=True, slots=True)
class Noise:
    """What is added to the diagonal of the regression: for an adapter's `own` examples, and for `nobodys`. The more, the less
    closely their targets are met: what nobody asks an adapter is of endless kinds, of which a list shows a few."""

    own: float
    nobodys: float


LEXICAL_NOISE = Noise(own=0.3, nobodys=0.3)
MEANING_NOISE = Noise(own=0.05, nobodys=0.2)
_WIDTH = 1.5  # of the Gaussian on meanings
_LEXICAL_SHARE = 0.1  # of words, and of characters, beside meaning


def lexical_similarity(words: Floats, characters: Floats) -> Floats:
    """From 0 to 1, of the cosines of words and of characters."""
    return (words + characters) * np.float32(0.5)


def lexical_kernel(words: Floats, characters: Floats) -> Floats:
    """Of the same cosines."""
    return np.asarray(words + characters, dtype=np.float32)


def meaning_kernel(meanings: Floats, words: Floats, characters: Floats) -> Floats:
    """`meanings` are products of two vectors of the encoder, from -1 to 1: a Gaussian of the distance between them (its
    square is 2 - 2 meanings), and a little of the wording."""
    kernel = np.exp(np.float32(2 * _WIDTH) * (meanings - 1))
    kernel += np.float32(_LEXICAL_SHARE) * (words + characters)
    return np.asarray(kernel, dtype=np.float32)
