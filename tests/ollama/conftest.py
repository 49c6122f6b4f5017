"""Servers, registries and models for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.oci_registry import OciRegistry
from support.ollama_standin import StandinOllama
from support.tiny_gguf import TinyShape, write_tiny_base

from locoman.ollama.api import OllamaApi

TAG = "loco-tiny:q8"


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of some 1.4 MB."""
    return write_tiny_base(tmp_path_factory.mktemp("gguf") / "tiny.gguf", TinyShape(hidden=128))


@pytest.fixture
def registry(tiny_gguf: Path) -> Iterator[OciRegistry]:
    """Offers the tiny model as TAG."""
    with OciRegistry() as running:
        running.add(TAG, tiny_gguf)
        yield running


@pytest.fixture
def standin(tmp_path: Path, registry: OciRegistry) -> Iterator[StandinOllama]:
    """An empty stand-in whose library is `registry`."""
    with StandinOllama(tmp_path / "models", library=registry) as running:
        yield running


@pytest.fixture
def api(standin: StandinOllama) -> Iterator[OllamaApi]:
    """A client of the stand-in."""
    with OllamaApi(standin.url) as client:
        yield client
