"""25 of the 500 faults of `scripts/bench faults`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.host_faults import run_faults
from support.tiny_home import HomeMaker

from locoman.contracts import ServedBase


@pytest.mark.parametrize("seed", [1])
def test_faults_under_load_spoil_no_answer_and_leave_nothing_behind(
    make_home: HomeMaker, base: ServedBase, seed: int
) -> None:
    home = make_home(replace(base, context=512))
    tally = run_faults(home, 25, seed)
    assert tally.wrong == []
    assert tally.unanswered == []
    assert tally.leaks == []
    assert tally.answers > 0
    assert tally.faults["kill engine"] > 0
