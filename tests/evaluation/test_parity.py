"""The same score for every case as lm-evaluation-harness, where there is one: LOCOMAN_TEST_LM_EVAL is its Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = os.environ.get("LOCOMAN_TEST_LM_EVAL", "")


@pytest.mark.skipif(not HARNESS, reason="no lm-evaluation-harness; set LOCOMAN_TEST_LM_EVAL to its Python")
def test_every_case_has_the_score_that_the_harness_gives_it() -> None:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("", "scripts", "tests")),
        "LOCOMAN_BENCH_LM_EVAL": HARNESS,
    }
    command = [sys.executable, "-m", "benches", "eval-parity", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)
    figures = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert {figure["metric"]: figure["value"] for figure in figures if figure["goal"]}.values()
    assert all(figure["met"] for figure in figures if figure["goal"])
