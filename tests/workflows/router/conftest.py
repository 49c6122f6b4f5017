"""What a text means is worked out once per test run, not in every home anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.encoder import encoder_files, real_encoder
from support.installed import with_vectors

from locoman.progress import quiet_stages
from locoman.routing.text import normalise
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.collection import active_packages
from locoman.workflows.router.encoder import execute_encoder, plan_encoder
from locoman.workflows.router.lessons import gather
from locoman.workflows.router.vectors import Remembering


@pytest.fixture(scope="session")
def vectors(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the encoder makes of all that the router of loco-tiny learns from; skips where there is no encoder."""
    home, path = Home(installed), tmp_path_factory.mktemp("vectors") / "vectors.npz"
    registry = load_registry(home.registry)
    lessons = gather(home, active_packages(home, registry, registry.current()))
    texts = [*lessons.none, *(text for a in lessons.adapters for text in (*a.mine, *a.not_mine))]
    Remembering(real_encoder(), path).encode([normalise(text) for text in texts])
    return path


@pytest.fixture
def known(installed: Path, home: Home, vectors: Path) -> Home:
    """A home with loco-tiny that has seen its router's texts before, and has no encoder; its host is never started."""
    return with_vectors(installed, home.root, vectors)


@pytest.fixture
def meaning(known: Home) -> Home:
    """As `known`, with the encoder."""
    execute_encoder(known, plan_encoder(known, encoder_files()), quiet_stages)
    return known
