"""A random bf16 checkpoint to F16, Q8_0 and Q4_K_M: locoman beside llama.cpp's converter and llama-quantize, `cp`, and the
bare quantizers. Seconds, peak memory of the process tree, and disk taken beside the result.

At the size of a real model a part takes some minutes: `--only PART` runs one (F16, Q8_0, Q4_K_M, quantizing), and with `--save`
keeps the figures of the others."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benches.figure import Figure
from benches.process import Measured, measure, warm
from benches.reference import Reference, find_reference
from benches.shapes import SHAPES, write_checkpoint
from locoman.weights.convert import plan_conversion
from locoman.weights.files import drop_pages
from locoman.weights.pieces import processors, row_blocks
from locoman.weights.tensor_types import quantize_rows

COPY_GOAL = 1.25
Q8_GOAL = 1 / 1.7
BARE_GOAL = 1.1
TWO_STEPS_GOAL = 0.75
MEMORY_GOAL = 1e9
_BATCH = 32


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    reference = find_reference()
    if arguments.only not in (None, *PARTS):
        raise SystemExit(f"--only takes one of {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="locoman-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        weights = write_checkpoint(folder / "checkpoint", SHAPES[arguments.shape], arguments.seed)
        bench = _Bench(folder, weights, reference, judged=arguments.shape != "tiny")
        for name, part in PARTS.items():
            if arguments.only in (None, name):
                for figure in part(bench):
                    yield replace(figure, metric=f"{figure.metric} ({arguments.shape})")


class _Bench:
    """The runs on one checkpoint; each result is deleted before the next run."""

    def __init__(self, folder: Path, weights: list[Path], reference: Reference, *, judged: bool) -> None:
        """`judged` False: the model is so small that starting Python is all that is measured against cp and bare loops."""
        self._judged = judged
        self._checkpoint = folder / "checkpoint"
        self._results = folder / "results"
        self._results.mkdir()
        self._weights = weights
        self._reference = reference

    def f16(self) -> Iterator[Figure]:
        target = self._results / "f16.gguf"
        ours = self._locoman("F16", target)
        size = target.stat().st_size
        copied, synced = self._copy(target)
        # Memory that a virtual machine has not touched yet costs whoever writes first; what a deleted file held does not. So
        # both have a second turn, and the better one counts.
        again = self._results / "again.gguf"
        ours = min(ours, self._locoman("F16", again), key=lambda measured: measured.seconds)
        again.unlink()
        copied, synced = min((copied, synced), self._copy(target))
        yield beside("F16", ours.seconds, "cp of the result", copied, COPY_GOAL if self._judged else None)
        yield Figure("convert", "F16, on disk when it ends", "s", ours.seconds, "cp and fsync", synced)
        target.unlink()
        theirs = self._converter("f16")
        yield beside("F16", ours.seconds, "convert_hf_to_gguf", theirs and theirs.seconds, 1.0)
        yield from self._costs("F16", ours, size, theirs)

    def q8_0(self) -> Iterator[Figure]:
        target = self._results / "q8.gguf"
        ours = self._locoman("Q8_0", target)
        size = target.stat().st_size
        target.unlink()
        theirs = self._converter("q8_0")
        yield beside("Q8_0", ours.seconds, "convert_hf_to_gguf", theirs and theirs.seconds, Q8_GOAL)
        yield from self._costs("Q8_0", ours, size, theirs)

    def q4_k_m(self) -> Iterator[Figure]:
        target = self._results / "q4.gguf"
        ours = self._locoman("Q4_K_M", target)
        size = target.stat().st_size
        target.unlink()
        theirs = self._two_steps("Q4_K_M")
        name = "convert_hf_to_gguf + llama-quantize"
        yield beside("Q4_K_M", ours.seconds, name, theirs and theirs.seconds, TWO_STEPS_GOAL)
        yield from self._costs("Q4_K_M", ours, size, theirs)

    def quantizing(self) -> Iterator[Figure]:
        """The whole conversion beside the quantizers alone: what reading, decoding and writing add."""
        target = self._results / "q4.gguf"
        ours = self._locoman("Q4_K_M", target)
        target.unlink()
        goal = BARE_GOAL if self._judged else None
        yield beside("quantizing to Q4_K_M", ours.seconds, "bare ggml_quantize_chunk", self._bare("Q4_K_M"), goal)

    def _locoman(self, kind: str, target: Path) -> Measured:
        warm(*self._weights)
        command = [
            sys.executable,
            "-m",
            "locoman",
            "convert",
            str(self._checkpoint),
            "--to",
            kind,
            "--out",
            str(target),
        ]
        return measure([*command, "--json", "--home", str(self._results.parent / "home")], self._results)

    def _converter(self, kind: str) -> Measured | None:
        if self._reference.converters is None:
            return None
        warm(*self._weights)
        target = self._results / "reference.gguf"
        command = self._reference.converter(
            "convert_hf_to_gguf.py", str(self._checkpoint), "--outtype", kind, "--outfile", str(target)
        )
        measured = measure(command, self._results)
        target.unlink()
        return measured

    def _two_steps(self, kind: str) -> Measured | None:
        """The converter to F16, then llama-quantize."""
        if self._reference.converters is None or self._reference.quantize is None:
            return None
        warm(*self._weights)
        between, target = self._results / "reference-f16.gguf", self._results / "reference.gguf"
        first = measure(
            self._reference.converter(
                "convert_hf_to_gguf.py", str(self._checkpoint), "--outtype", "f16", "--outfile", str(between)
            ),
            self._results,
        )
        second = measure(
            [str(self._reference.quantize), str(between), str(target), kind, str(processors())], self._results
        )
        disk = between.stat().st_size + target.stat().st_size
        between.unlink()
        target.unlink()
        return Measured(first.seconds + second.seconds, max(first.memory, second.memory), disk)

    def _copy(self, source: Path) -> tuple[float, float]:
        """Seconds of `cp`, and until the copy is on the disk too."""
        warm(source)
        target = self._results / "copy"
        started = time.perf_counter()
        if shutil.which("cp"):
            measure(["cp", str(source), str(target)], self._results)
        else:
            shutil.copyfile(source, target)
        copied = time.perf_counter() - started
        warm()
        synced = time.perf_counter() - started
        target.unlink()
        return copied, synced

    def _bare(self, kind: str) -> float:
        """Seconds that the quantizers alone take for the rows of the model, in as many threads, from float32 in memory."""
        plan = plan_conversion(self._checkpoint, kind)
        work = (
            (tensor, rows) for tensor in plan.tensors if not tensor.type.plain for rows in row_blocks(tensor.source)
        )
        seconds = 0.0
        with ThreadPoolExecutor(processors()) as pool:
            while batch := [(t.source.values(rows), t.type) for (t, rows), _ in zip(work, range(_BATCH), strict=False)]:
                started = time.perf_counter()
                list(pool.map(lambda item: quantize_rows(*item), batch))
                seconds += time.perf_counter() - started
                drop_pages()
        return seconds

    def _costs(self, kind: str, ours: Measured, size: int, theirs: Measured | None) -> Iterator[Figure]:
        peer = "convert_hf_to_gguf" if kind != "Q4_K_M" else "convert_hf_to_gguf + llama-quantize"
        yield Figure(
            "convert", f"{kind}, peak memory", "MB", ours.memory / 1e6, peer, theirs and theirs.memory / 1e6,
            f"<= {MEMORY_GOAL / 1e6:g}", ours.memory <= MEMORY_GOAL,
        )  # fmt: skip
        spare = max(0, ours.disk - size)
        beside = max(0, theirs.disk - size) / 1e6 if theirs else None
        yield Figure(
            "convert", f"{kind}, disk beside the result", "MB", spare / 1e6, peer, beside, "<= 1", spare <= 1e6
        )


PARTS: dict[str, Callable[[_Bench], Iterator[Figure]]] = {
    "F16": _Bench.f16,
    "Q8_0": _Bench.q8_0,
    "Q4_K_M": _Bench.q4_k_m,
    "quantizing": _Bench.quantizing,
}
"""The metrics of a part begin with its name."""


def beside(kind: str, seconds: float, peer: str, peer_seconds: float | None, goal: float | None) -> Figure:
    """A time that may be `goal` times its peer's; without a goal or without the peer there is no verdict."""
    if peer_seconds is None:
        return Figure("convert", f"{kind} ({peer} is not here)", "s", seconds)
    if goal is None:
        return Figure("convert", kind, "s", seconds, peer, peer_seconds)
    met = seconds <= goal * peer_seconds
    return Figure("convert", kind, "s", seconds, peer, peer_seconds, f"<= {goal:.3g} x {peer}", met)
