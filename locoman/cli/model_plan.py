"""How plans for GGUF models look: to a person, and under --json. Shared by convert, quantize and merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from locoman.errors import megabytes
from locoman.weights.model_plan import ModelPlan

SHOWN_FALLBACKS = 8


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


def rate(size: int, seconds: float) -> str:
    """The end of a result's line: "12.5 s, 340 MB/s"."""
    return f"{seconds:.1f} s, {megabytes(int(size / max(seconds, 1e-3)))}/s"
