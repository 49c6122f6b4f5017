"""The real encoder, for tests that need its weights: LOCOMAN_TEST_ENCODER names a folder with its files; without it those tests
skip and say so."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from locoman.routing.encoder.bge import BgeSmall, open_encoder
from locoman.routing.encoder.files import NAME, is_whole

_FOLDER = os.environ.get("LOCOMAN_TEST_ENCODER")


def encoder_files() -> Path:
    """The folder of the encoder's files; skips the test where there is none."""
    folder = Path(_FOLDER) if _FOLDER else None
    if folder is None or not is_whole(folder):
        pytest.skip(f"no encoder here: set LOCOMAN_TEST_ENCODER to a folder with the files of {NAME}")
    return folder


@functools.cache
def _opened(folder: Path) -> BgeSmall:
    return open_encoder(folder)


def real_encoder() -> BgeSmall:
    """The encoder itself; skips the test where there is none."""
    return _opened(encoder_files())
