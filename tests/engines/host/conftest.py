from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from support.tiny_home import TinyHome


@pytest.fixture(scope="module")
def http(shared_home: TinyHome) -> Iterator[httpx.Client]:
    """A client of the host that several tests ask, with its key."""
    with shared_home.client() as client:
        yield client
