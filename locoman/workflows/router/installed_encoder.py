"""The encoder of a LOCOMAN_HOME, opened so that damage is noticed instead of believed."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from locoman.errors import InvalidFile, LocomanError, MissingPrerequisite, UnusableEncoder
from locoman.routing.encoder.bge import BgeSmall, open_encoder
from locoman.routing.encoder.files import encoder_folder
from locoman.routing.features import Floats
from locoman.routing.models import Encoder
from locoman.store.home import Home
from locoman.workflows.router.encoder_session import REPAIR, encoder_state, forget, session_in, stamps

MISSING = f"The router's encoder is missing, so words alone decide. Next: {REPAIR}"
DAMAGED = f"The router's encoder is damaged, so words alone decide. Next: {REPAIR}"
REINSTALL = f"{shlex.quote(sys.executable)} -m pip install --force-reinstall onnxruntime"
NO_RUNTIME = f"ONNX Runtime does not work here, so words alone decide. Next: {REINSTALL}"

Say = Callable[[str], None]
"""Called with a sentence that somebody should hear."""


def nobody_hears(sentence: str) -> None:
    """A Say."""


def home_encoder(home: Home, say: Say = nobody_hears) -> Encoder | None:
    """The encoder that is installed, opened once per process; None where there is none, or a damaged one: `say` hears that."""
    state = encoder_state(home)
    if state == "damaged":
        say(DAMAGED)
    if state != "sound":
        _opened.cache_clear()
        forget()
        return None
    folder = encoder_folder(home.encoders)
    try:
        return Watched(_opened(folder, stamps(folder)), folder, say)
    except LocomanError:
        say(DAMAGED)
        return None


def working_encoder(home: Home, say: Say = nobody_hears) -> Encoder | None:
    """As `home_encoder`, tried on a word: None also where it turns out that it does not work."""
    encoder = home_encoder(home, say)
    try:
        if encoder is not None:
            encoder.encode(["word"])
    except UnusableEncoder:
        return None
    return encoder


class Watched:
    """An encoder that may turn out to be none: its weights cannot be read, ONNX Runtime does not work here, or its vectors are
    no numbers, because the weights were damaged while they were mapped."""

    def __init__(self, encoder: Encoder, folder: Path, say: Say = nobody_hears) -> None:
        self._encoder = encoder
        self._folder = folder
        self._say = say
        self._wrong = ""

    def encode(self, texts: Sequence[str]) -> Floats:
        """See models.Encoder. Raises UnusableEncoder, from then on always; `say` hears of it once."""
        if not self._wrong:
            try:
                with np.errstate(all="ignore"):
                    vectors = self._encoder.encode(texts)
                if np.isfinite(vectors).all():
                    return vectors
                self._wrong = DAMAGED
            except InvalidFile:
                self._wrong = DAMAGED
            except MissingPrerequisite:
                self._wrong = NO_RUNTIME
            self._say(self._wrong)
        raise UnusableEncoder(self._folder, self._wrong)


@functools.lru_cache(maxsize=2)
def _opened(folder: Path, stamps: str) -> BgeSmall:
    return open_encoder(folder, session_in(folder, stamps))
