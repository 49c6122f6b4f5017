from __future__ import annotations

import pytest

from locoman.errors import MissingPrerequisite
from locoman.scoring.sandbox import Sandbox, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this machine; where there can be none, the test is skipped."""
    try:
        return open_sandbox()
    except MissingPrerequisite as error:
        pytest.skip(f"no sandbox here: {error}")
