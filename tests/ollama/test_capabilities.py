"""A version tells what a server can do; near a border only what both sides share."""

from __future__ import annotations

import pytest

from locoman.ollama.capabilities import Capabilities


@pytest.mark.parametrize(
    ("version", "adapters", "split"),
    [
        ("0.3.0", True, False),
        ("0.33.0", True, False),
        ("v0.33.0", True, False),
        ("0.33.2-rc1", True, False),
        ("0.34.0-rc0", True, False),
        ("0.34.0", True, False),
        ("0.34", True, False),
        ("0.34.0-5-gabc1234", False, False),
        ("0.34.1-rc0", False, False),
        ("0.34.1", False, False),
        ("0.34.9", False, False),
        ("0.35.0-rc2", False, False),
        ("0.35.0", False, True),
        ("0.35.0-3-gabc1234-dirty", False, True),
        ("0.40.0", False, True),
        ("1.0.0", False, True),
        (" 0.33.0\n", True, False),
    ],
)
def test_a_version_tells_what_a_server_can_do(version: str, adapters: bool, split: bool) -> None:
    able = Capabilities.of(version)
    assert able.known
    assert (able.adapters_at_create, able.quantize_at_create, able.split_gguf) == (adapters, adapters, split)


@pytest.mark.parametrize(
    "version", ["0.0.0", "0.0.0-dirty", "", "dev", "1", "0.x.1", "0.33.0.1", "٠.٣٣.٠", "0.33.0-" + "x" * 200]
)
def test_a_version_that_tells_nothing_promises_nothing(version: str) -> None:
    assert Capabilities.of(version) == Capabilities(version, False, False, False, False)
