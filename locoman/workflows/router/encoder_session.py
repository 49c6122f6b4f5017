"""The encoder of a LOCOMAN_HOME before it is used: whether its files are whole, and its weights on their way into memory.

Whoever routes from the shell begins with the weights, and imports the rest meanwhile.
"""

from __future__ import annotations

import functools
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

from locoman.errors import LocomanError
from locoman.routing.encoder.files import FILES, OUTPUTS, WEIGHTS, encoder_folder, is_whole
from locoman.routing.encoder.runtime import Session, opening
from locoman.store.home import Home
from locoman.store.identity import stamp
from locoman.store.known_digests import KnownDigests

REPAIR = "locoman router encoder install"
State = Literal["absent", "damaged", "sound"]


def encoder_state(home: Home) -> State:
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


def stamps(folder: Path) -> str:
    """Change when a file of an encoder is replaced, written or taken away."""
    return " ".join(stamp(folder / file.name) for file in FILES)


def begin(home: Home) -> None:
    """Has the weights of a sound encoder brought into memory, if they are not there yet."""
    if encoder_state(home) == "sound":
        folder = encoder_folder(home.encoders)
        session_in(folder, stamps(folder))


@functools.lru_cache(maxsize=2)
def session_in(folder: Path, stamps: str) -> Future[Session]:
    """Of the weights in `folder`, opened once per process; with other `stamps` anew. Forgotten by `forget`."""
    return opening(folder / WEIGHTS.name, OUTPUTS.values())


def forget() -> None:
    """Lets go of weights: Windows replaces no file that somebody has mapped."""
    session_in.cache_clear()
