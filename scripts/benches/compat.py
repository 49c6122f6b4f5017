"""A hundred adapters against a base of Qwen3-4B's shape, from their packages to a verdict, without asking anything.

The files have the names, shapes and sizes of real ones; weights that no level looks at are holes in them. A quarter of the
adapters each belongs to the base itself, to one trained further, to an unrelated one, and to one of other dimensions.

Then (or with --only behaviour alone) the four adapters of loco-tiny against loco-tiny-next with a real host: `migrate check`
beside the same evaluations alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import tomli_w
from support import checkpoints

from benches import compat_behaviour
from benches.figure import Figure, at_most
from benches.shapes import SHAPES, ModelShape, hollow_tensors, write_description
from locoman.catalog.manifest import read_package
from locoman.migration.check import check_adapter
from locoman.migration.evidence import LevelName
from locoman.migration.subject import read_candidate, subject_of
from locoman.weights.fingerprint import SKETCH_BITS, Fingerprint, fingerprint_of_checkpoint

ADAPTERS = 100
RUNS = 5
SECONDS_GOAL = 2.0
EXPECTED = ("recheck", "recheck", "retrain", "incompatible")
"""Without answers none is found compatible."""
LEVELS: tuple[LevelName, ...] = ("structure", "tokenizer", "template", "licence", "drift")


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    if arguments.only != "behaviour":
        yield from _without_asking(arguments)
    if arguments.only != "cheap":
        yield from compat_behaviour.run()


def _without_asking(arguments: argparse.Namespace) -> Iterator[Figure]:
    name = "qwen3-4b" if arguments.shape == "tiny" else arguments.shape
    shape = SHAPES[name]
    with tempfile.TemporaryDirectory(prefix="locoman-bench-", dir=arguments.folder) as folder:
        base = Path(folder) / "base"
        write_description(base, shape)
        hollow_tensors(base / "model.safetensors", shape.tensors())
        packages = list(_packages(Path(folder), shape, fingerprint_of_checkpoint(base), arguments.seed))
        runs = [_check(base, packages) for _ in range(RUNS)]
    candidate, whole, levels, verdicts = min(runs, key=lambda one: one[1])
    yield at_most("compat", f"{ADAPTERS} adapters against {name}, structure to drift", "s", whole, SECONDS_GOAL)
    yield Figure("compat", "of that the candidate's fingerprint and tensors, once", "s", candidate)
    for level in LEVELS:
        yield Figure("compat", f"of that {level}", "s", levels[level])
    right = sum(verdicts[place] == EXPECTED[place % 4] for place in range(ADAPTERS))
    yield Figure("compat", "verdicts as expected", "of 100", right, goal="100", met=right == ADAPTERS)


def _check(base: Path, packages: list[Path]) -> tuple[float, float, Counter[str], list[str]]:
    """Seconds for the candidate, in all, by level; and the verdicts."""
    started = time.perf_counter()
    candidate = read_candidate("candidate", base, fingerprint_of_checkpoint(base), "Apache-2.0", "BF16")
    ready = time.perf_counter()
    found = [check_adapter(subject_of(read_package(package)), candidate) for package in packages]
    ended = time.perf_counter()
    levels: Counter[str] = Counter()
    for verdict in found:
        for evidence in verdict.evidence:
            levels[evidence.level] += evidence.seconds  # type: ignore[assignment]
    return ready - started, ended - started, levels, [verdict.verdict for verdict in found]


def _packages(folder: Path, shape: ModelShape, own: Fingerprint, seed: int) -> Iterator[Path]:
    """Package folders; the kinds take turns in the order of EXPECTED."""
    random = np.random.default_rng(seed)
    wider = replace(shape, hidden=shape.hidden + 256)
    for number in range(ADAPTERS):
        moved = (0, 20, SKETCH_BITS // 2, 0)[number % 4]
        bits = sum(1 << int(place) for place in random.choice(SKETCH_BITS, moved, replace=False))
        made_for = replace(own, sketch=f"{int(own.sketch, 16) ^ bits:0{SKETCH_BITS // 4}x}")
        package = folder / f"a{number}"
        weights = package / "weights" / "somebase"
        weights.mkdir(parents=True)
        size = wider if EXPECTED[number % 4] == "incompatible" else shape
        hollow_tensors(weights / "adapter_model.safetensors", size.lora_tensors())
        settings = checkpoints.adapter_config(
            r=16, lora_alpha=32, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]
        )
        checkpoints.write_json(weights / "adapter_config.json", settings)
        manifest = {
            "format": 1, "name": f"a{number}", "version": "1.0.0", "domain": f"a{number}", "description": "of a benchmark",
            "licence": "Apache-2.0", "authors": [], "kind": "lora", "base": {"name": "somebase", "fingerprint": str(made_for)},
        }  # fmt: skip
        (package / "adapter.toml").write_text(tomli_w.dumps(manifest), encoding="utf-8")
        yield package
