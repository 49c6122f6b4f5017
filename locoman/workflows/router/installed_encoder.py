"""The encoder of a LOCOMAN_HOME: whether it is there and whole, and opened so that damage is noticed instead of believed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from locoman.errors import DamagedEncoder, LocomanError
from locoman.routing.encoder.files import FILES, encoder_folder, is_whole, open_encoder
from locoman.routing.encoder.minilm import MiniLM
from locoman.routing.features import Floats
from locoman.routing.models import Encoder
from locoman.store.home import Home
from locoman.store.identity import stamp
from locoman.store.known_digests import KnownDigests

REPAIR = "locoman router encoder install"
MISSING = f"The router's encoder is missing, so words alone decide. Next: {REPAIR}"
DAMAGED = f"The router's encoder is damaged, so words alone decide. Next: {REPAIR}"

Say = Callable[[str], None]
"""Called with a sentence that somebody should hear."""


def nobody_hears(sentence: str) -> None:
    """A Say."""


def encoder_state(home: Home) -> Literal["absent", "damaged", "sound"]:
    """Whether the encoder's files are there and are what they should be. One that nobody touched is not read again."""
    folder = encoder_folder(home.encoders)
    if not folder.is_dir():
        return "absent"
    known = KnownDigests(home.root / "cache" / "digests.json")
    try:
        sound = is_whole(folder) and all(known.of(folder / file.name) == file.sha256 for file in FILES)
    except LocomanError:
        return "damaged"
    return "sound" if sound else "damaged"


def home_encoder(home: Home, say: Say = nobody_hears) -> Encoder | None:
    """The encoder that is installed, opened once per process; None where there is none, or a damaged one: `say` hears that."""
    state = encoder_state(home)
    if state == "damaged":
        say(DAMAGED)
    if state != "sound":
        _opened.cache_clear()  # Windows replaces no file that somebody has mapped
        return None
    folder = encoder_folder(home.encoders)
    try:
        return Watched(_opened(folder, " ".join(stamp(folder / file.name) for file in FILES)), folder, say)
    except LocomanError:
        say(DAMAGED)
        return None


class Watched:
    """An encoder whose vectors are looked at: weights that were damaged while they were mapped give numbers that are none."""

    def __init__(self, encoder: Encoder, folder: Path, say: Say = nobody_hears) -> None:
        self._encoder = encoder
        self._folder = folder
        self._say = say
        self._damaged = False

    def encode(self, texts: Sequence[str]) -> Floats:
        """See models.Encoder. Raises DamagedEncoder, from then on always; `say` hears of it once."""
        if not self._damaged:
            with np.errstate(all="ignore"):
                vectors = self._encoder.encode(texts)
            if np.isfinite(vectors).all():
                return vectors
            self._damaged = True
            self._say(DAMAGED)
        raise DamagedEncoder(self._folder, "the router's encoder is damaged")


@functools.lru_cache(maxsize=2)
def _opened(folder: Path, stamps: str) -> MiniLM:
    """`stamps` of its files: others are opened anew."""
    return open_encoder(folder)
