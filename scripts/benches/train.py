"""`locoman adapter train` on loco-tiny: the score of a shipped adapter, and that of the same package trained again."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benches.figure import Figure, at_most
from benches.home import locoman, tiny_home
from locoman.app import App
from locoman.evaluation.runner import run_suite
from locoman.evaluation.suite_file import suite_of
from locoman.names import AdapterRef, ModelName
from locoman.progress import no_progress
from locoman.scoring import build_scorer
from locoman.workflows.collection import active_packages

DEFAULT = "dates"
APART_GOAL = 0.03


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    if importlib.util.find_spec("torch") is None:
        sys.exit('This bench trains: pip install "locoman[train]"')
    name = arguments.only or DEFAULT
    with tiny_home() as home:
        shipped = _shipped_score(home, name)
        with tempfile.TemporaryDirectory(prefix="locoman-bench-") as folder:
            out = Path(folder) / name
            started = time.monotonic()
            trained = _train(home, name, out)
            seconds = time.monotonic() - started
            same = _same_weights(home, name, out)
    again = trained["evaluation"]
    apart = abs(again["score"] - shipped)
    yield Figure("train", f"{name}: score as shipped", "share", shipped)
    yield Figure("train", f"{name}: score trained again", "share", again["score"], "as shipped", shipped)
    yield at_most("train", f"{name}: apart", "share", apart, APART_GOAL)
    yield Figure("train", f"{name}: score of the base alone", "share", again["base_score"])
    yield Figure("train", f"{name}: steps", "", trained["steps"])
    yield Figure("train", f"{name}: seconds of training", "s", trained["seconds"])
    yield Figure("train", f"{name}: seconds of evaluation, adapter and base", "s", again["seconds"])
    yield Figure("train", f"{name}: seconds of the command, all told", "s", seconds)
    yield Figure("train", f"{name}: weights byte for byte those shipped (1: yes)", "", float(same))


def _shipped_score(home: Path, name: str) -> float:
    with App.load(home) as app:
        registry = app.registry()
        packages = {p.manifest.name: p for p in active_packages(app.home, registry, registry.current())}
        suite = suite_of(packages[name])
        scorer = build_scorer(suite.scorer.name, suite.scorer.options)
        model = ModelName("adapter", AdapterRef(name))
        return run_suite(app.engine(), model, suite, scorer, progress=no_progress).score


def _train(home: Path, name: str, out: Path) -> dict[str, Any]:
    command = locoman(home, "adapter", "train", name, "--out", str(out), "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(done.stdout + done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _same_weights(home: Path, name: str, out: Path) -> bool:
    kept = next((home / "adapters" / name).glob("*/weights/loco-tiny/adapter_model.safetensors"))
    return kept.read_bytes() == (out / "weights" / "loco-tiny" / kept.name).read_bytes()
