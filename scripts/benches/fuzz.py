"""Every test of spoiled files (tests/**/test_hostile*.py) at full count, each in a process of its own: whatever is wrong
with a file, it ends in an error of locoman's, within 2 s and 64 MiB + 2 x the file."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.hostile import MEMORY, SECONDS

from benches.figure import Figure, at_most

ROOT = Path(__file__).parents[2]


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    mutations = str(arguments.mutations)
    total = failed = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="locoman-fuzz-") as folder:
        for number, case in enumerate(_cases()):
            report = Path(folder) / f"{number}.jsonl"
            given = {"HOSTILE_MUTATIONS": mutations, "HOSTILE_REPORT": str(report)}
            done = _pytest([case, "-o", "timeout=3000"], given)
            if done.returncode:
                failed += 1
                print(done.stdout, file=sys.stderr)
            for line in report.read_text(encoding="utf-8").splitlines() if report.exists() else ():
                found = json.loads(line)
                total += found["mutations"]
                slowest = max(slowest, found["slowest"])
                yield at_most(
                    "fuzz", f"{_title(case)}: memory", "MiB", found["memory"] / 2**20,
                    (MEMORY + 2 * found["bytes"]) / 2**20,
                )  # fmt: skip
    yield at_most("fuzz", f"the slowest of {total:,} spoiled files", "s", slowest, SECONDS)
    yield at_most("fuzz", "tests that met a traceback, a crash or a hang", "of", failed, 0)


def _cases() -> list[str]:
    """The tests as pytest names them."""
    listed = _pytest(["--collect-only", "-q", *map(str, sorted((ROOT / "tests").rglob("test_hostile*.py")))], {})
    return [line for line in listed.stdout.splitlines() if "::" in line]


def _title(case: str) -> str:
    return case.rpartition("::test_")[2].replace("_", " ")


def _pytest(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *arguments, "-p", "no:cacheprovider"]
    return subprocess.run(
        command, check=False, cwd=ROOT, env=os.environ | environment, text=True, capture_output=True, timeout=3600
    )
