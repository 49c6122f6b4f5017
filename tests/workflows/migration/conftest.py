"""A change of base up to its preparation, made once: arithmetic moves, words has to be trained again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.installed import copy_home
from support.kills import finish, locoman
from support.migration_kills import STEPS, scripted_home

from locoman.store.home import Home


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two adapters and a candidate, whose engine answers from a script; to be copied only."""
    return scripted_home(tmp_path_factory.mktemp("scripted"))


@pytest.fixture(scope="session")
def prepared_once(scripted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, announced, checked and prepared; to be copied only."""
    root = copy_home(scripted, tmp_path_factory.mktemp("prepared") / "home")
    for arguments in STEPS[:3]:
        finish(locoman(root, "migrate", *arguments))
    return root


@pytest.fixture
def prepared(prepared_once: Path, home: Home) -> Home:
    """This test's own home, in which `migrate apply` comes next."""
    return Home(copy_home(prepared_once, home.root))


@pytest.fixture
def candidate(scripted: Path, home: Home) -> Home:
    """This test's own home, in which `migrate announce loco-twin` comes next."""
    return Home(copy_home(scripted, home.root))
