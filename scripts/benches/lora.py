"""A PEFT adapter to GGUF from the shell, beside llama.cpp's convert_lora_to_gguf, in turns."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benches.figure import Figure, at_most
from benches.process import measure, warm
from benches.reference import find_reference
from benches.shapes import SHAPES, write_adapter, write_description

RUNS = 5
SECONDS_GOAL = 1.0
FASTER_GOAL = 5.0


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    reference = find_reference()
    shape = SHAPES[arguments.shape]
    with tempfile.TemporaryDirectory(prefix="locoman-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        base, adapter, results = folder / "base", folder / "adapter", folder / "results"
        results.mkdir()
        write_description(base, shape)
        weights = write_adapter(adapter, shape, arguments.seed)
        target = results / "ours.gguf"
        ours = [sys.executable, "-m", "locoman", "convert", str(adapter), "--base", str(base), "--out", str(target)]
        ours += ["--force", "--json", "--home", str(folder / "home")]
        theirs = reference.converter(
            "convert_lora_to_gguf.py", "--base", str(base), "--outfile", str(results / "theirs.gguf"), str(adapter)
        )
        seconds: list[float] = []
        peers: list[float] = []
        for _ in range(RUNS):
            warm(weights)
            seconds.append(measure(ours, results).seconds)
            if reference.converters is not None:
                peers.append(measure(theirs, results).seconds)
        value, size = statistics.median(seconds), weights.stat().st_size / 1e6
        yield at_most("lora", f"an adapter of {size:.1f} MB, from the shell", "s", value, SECONDS_GOAL)
        if not peers:
            yield Figure("lora", "times as fast (convert_lora_to_gguf is not here)", "x", float("nan"))
            return
        peer = statistics.median(peers)
        yield Figure(
            "lora", "the same", "s", value, "convert_lora_to_gguf", peer, f">= {FASTER_GOAL:g} x as fast",
            peer >= FASTER_GOAL * value,
        )  # fmt: skip
