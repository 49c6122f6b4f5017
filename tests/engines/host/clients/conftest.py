"""A host as `locoman serve` runs it: in the foreground, for clients without a key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.tiny_home import TinyHome, shut

from locoman.contracts import ServedBase


@pytest.fixture(scope="module")
def open_home(tmp_path_factory: pytest.TempPathFactory, base: ServedBase) -> Iterator[TinyHome]:
    options = {"client_key": "", "foreground": True, "keep_alive": None}
    home = TinyHome(tmp_path_factory.mktemp("home"), base, {"blue": "alpha", "red": "beta"}, options)
    yield home
    shut(home)
