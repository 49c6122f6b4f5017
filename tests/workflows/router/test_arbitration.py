from __future__ import annotations

import os
from pathlib import Path

import pytest

from locoman.app import App
from locoman.contracts import Candidate, Decision
from locoman.routing.stages.arbiter import Arbiter
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.router.arbitration import Measured, arbiter_of, descriptions, read_measured, write_measured
from locoman.workflows.router.examine import examine_arbiter

_CAPABLE = os.environ.get("LOCOMAN_TEST_ARBITER")
CLOSE = Decision(
    "units",
    0.4,
    "encoder",
    (Candidate("units", 0.4), Candidate("dates", 0.35), Candidate(None, 0.2), Candidate("words", 0.05)),
)


def test_a_real_base_gives_its_opinion_as_probabilities(installed: Path) -> None:
    home = Home(installed)
    base = load_registry(home.registry).current()
    with App.load(installed) as app:
        decision = Arbiter(app.engine(), descriptions(home, base)).review("how many days are 3 weeks", CLOSE)
    assert sum(candidate.probability for candidate in decision.candidates) == pytest.approx(1)
    assert decision is CLOSE or decision.stage == "arbiter"


def test_only_a_base_that_was_measured_to_help_arbitrates(installed: Path, home: Home) -> None:
    base = load_registry(Home(installed).registry).current()
    asked: list[str] = []

    def engine() -> object:
        asked.append("engine")
        return object()

    own = Home(home.root)
    assert arbiter_of(own, base, engine) is None  # type: ignore[arg-type]
    write_measured(own, base, Measured(60, 40, 41, False))
    assert arbiter_of(own, base, engine) is None  # type: ignore[arg-type]
    assert asked == []
    assert read_measured(own)[base.sha256].asked == 60


def test_a_damaged_measurement_is_none(home: Home) -> None:
    home.arbiters.parent.mkdir(parents=True, exist_ok=True)
    home.arbiters.write_text("{")
    assert read_measured(home) == {}


def test_a_capable_base_helps_where_the_router_is_unsure() -> None:
    if _CAPABLE is None:
        pytest.skip("LOCOMAN_TEST_ARBITER names no home with a capable base, and loco-tiny is too small: not shown")
    with App.load(Path(_CAPABLE)) as app:
        found = examine_arbiter(app.home, app.registry().current(), app.engine())
    assert found["helps"], found
