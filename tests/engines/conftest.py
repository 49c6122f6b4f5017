"""Real hosts on tiny random models; every test leaves no process behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.tiny_home import LONG, HomeMaker, TinyHome, shut
from support.tiny_host import tiny_base

from locoman.contracts import ServedBase

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def importable() -> Iterator[None]:
    """Lets the programs that tests start import locoman and the tests' support, wherever they run."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *([before] if before else [])])
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> ServedBase:
    """A tiny base with the strong random adapters alpha, beta, gamma and delta."""
    return tiny_base(tmp_path_factory.mktemp("models"), ("alpha", "beta", "gamma", "delta"))


@pytest.fixture(scope="session")
def long_base(tmp_path_factory: pytest.TempPathFactory) -> ServedBase:
    """A tiny base whose answers may take many seconds: use it with max_tokens=LONG."""
    return tiny_base(tmp_path_factory.mktemp("long"), ("alpha", "beta"), context=2 * LONG)


@pytest.fixture(scope="module")
def changing_home(tmp_path_factory: pytest.TempPathFactory, base: ServedBase) -> Iterator[TinyHome]:
    """One home for all tests of a module that change what it serves; each begins with `changing_home.serve(...)`."""
    home = TinyHome(tmp_path_factory.mktemp("home"), base, {}, {})
    yield home
    shut(home)


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory, base: ServedBase) -> Iterator[TinyHome]:
    """One home for all tests of a module that change nothing; "blue" and "red" in a question mean alpha and beta."""
    home = TinyHome(tmp_path_factory.mktemp("home"), base, {"blue": "alpha", "red": "beta"}, {})
    yield home
    shut(home)


@pytest.fixture
def make_home(tmp_path: Path, base: ServedBase) -> Iterator[HomeMaker]:
    """Makes homes of a test's own; what is not told is as in `shared_home`."""
    homes: list[TinyHome] = []

    def make(served: ServedBase | None = base, keywords: dict[str, str] | None = None, **options: Any) -> TinyHome:
        folder = tmp_path / f"home{len(homes)}"
        folder.mkdir()
        homes.append(TinyHome(folder, served, keywords or {}, options))
        return homes[-1]

    yield make
    for home in homes:
        shut(home)
