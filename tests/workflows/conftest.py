"""What several tests of this room start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kills import finish, locoman


@pytest.fixture(scope="session")
def classroom(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of loco-tiny with its four adapters, to be read only."""
    path = tmp_path_factory.mktemp("bundle") / "classroom.locoman"
    finish(locoman(installed, "bundle", "create", str(path)))
    return path
