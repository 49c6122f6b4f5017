"""How plans for models look, to a person and under --json, and how they are carried out. Shared by convert, quantize and
merge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.cli.output import Output
from locoman.progress import Progress
from locoman.sizes import megabytes
from locoman.weights.model_plan import ModelPlan

SHOWN_FALLBACKS = 8


@dataclass(frozen=True, slots=True)
class Job:
    """A plan as it is shown, and its execution: `document` under --json, `lines` for a person, `bytes` of the result."""

    title: str
    document: dict[str, Any]
    lines: tuple[str, ...]
    target: Path
    bytes: int
    execute: Callable[[Progress], None]


def carry_out(out: Output, job: Job, *, dry_run: bool) -> None:
    """Shows the plan, and unless it is a dry run executes it and tells how fast that went."""
    document = {**job.document, "written": False}
    if out.plan(document, job.lines, dry_run=dry_run):
        return
    started = time.perf_counter()
    with out.stages() as stages:
        job.execute(stages(job.title))
    seconds = time.perf_counter() - started
    document |= {"written": True, "seconds": round(seconds, 3)}
    speed = megabytes(int(job.bytes / max(seconds, 1e-3)))
    out.result(document, lambda: out.line(f"{job.target} is ready ({seconds:.1f} s, {speed}/s)."))


def describe_model(plan: ModelPlan) -> dict[str, Any]:
    """The plan as --json prints it."""
    return {
        "bytes": plan.bytes,
        "tensors": len(plan.tensors),
        "types": plan.types,
        "fallbacks": [
            {"tensor": tensor.target, "type": tensor.type.name, "wanted": tensor.wanted.name}
            for tensor in plan.fallbacks
        ],
    }


def model_lines(plan: ModelPlan) -> Iterator[str]:
    """What it will be made of, and which tensors could not have the type wanted."""
    yield "Types     " + ", ".join(f"{count} {name}" for name, count in plan.types.items())
    for tensor in plan.fallbacks[:SHOWN_FALLBACKS]:
        reason = f"its rows of {tensor.shape[-1]} are no whole blocks of {tensor.wanted.block}"
        yield f"Fallback  {tensor.target}: {tensor.type.name} in place of {tensor.wanted.name}, as {reason}"
    if len(plan.fallbacks) > SHOWN_FALLBACKS:
        yield f"          and {len(plan.fallbacks) - SHOWN_FALLBACKS} more (--json lists all)"


def target_line(target: Path, files: Sequence[Path], size: int) -> str:
    """Where it goes, and how large it will be."""
    shards = f" in {len(files)} shards" if len(files) > 1 else ""
    return f"To        {target}{shards}  ({megabytes(size)})"
