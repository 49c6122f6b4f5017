"""20 kills each of install, activate and remove. (`scripts/bench kill` does 200.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kills import Operation, operations, rounds

from locoman.catalog.shelf import shipped

KILLS = 20


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Operation]:
    return operations(tmp_path_factory.mktemp("kills"), shipped("adapters"))


@pytest.mark.parametrize("name", ["install", "activate", "remove"])
def test_a_kill_at_any_instant_leaves_the_old_or_the_new_state(
    prepared: dict[str, Operation], name: str, tmp_path: Path
) -> None:
    outcomes = rounds(prepared[name], tmp_path, KILLS, seed=0, tell=lambda done: None)
    killed = [outcome for outcome in outcomes if outcome.killed]
    assert len(killed) >= KILLS // 2
    assert {outcome.state for outcome in killed} == {"old", "new"}
