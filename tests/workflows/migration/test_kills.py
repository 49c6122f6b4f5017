"""20 kills over a change of base. (`scripts/bench migrate_kill` does 200.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.migration_kills import STEPS, prepare, rounds

KILLS = 20


@pytest.mark.timeout(900)
def test_a_kill_at_any_instant_leaves_no_mixed_state_and_the_same_command_goes_on(tmp_path: Path) -> None:
    kills = rounds(prepare(tmp_path / "prepared"), tmp_path, KILLS, seed=0, tell=lambda done: None)
    assert {kill.step for kill in kills} == {arguments[0] for arguments in STEPS}
    killed = [kill for kill in kills if kill.killed]
    assert len(killed) >= KILLS // 2
    assert {kill.reached for kill in killed} == {False, True}
