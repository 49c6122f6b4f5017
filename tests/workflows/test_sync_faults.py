"""40 seeded faults in the middle of syncs and pulls. (`scripts/bench sync_faults` does 500.)"""

from __future__ import annotations

from pathlib import Path

from support.sync_faults import FAULTS, run_sync_faults

ROUNDS = 40


def test_a_fault_in_a_sync_is_seen_and_mended_and_touches_nothing_of_others(installed: Path, tmp_path: Path) -> None:
    outcomes = list(run_sync_faults(tmp_path, installed, ROUNDS, seed=0))
    assert len(outcomes) == ROUNDS
    assert len({outcome.fault for outcome in outcomes}) >= len(FAULTS) - 3
    assert sum(outcome.failed for outcome in outcomes) >= ROUNDS // 3
    assert any(outcome.seen for outcome in outcomes)
