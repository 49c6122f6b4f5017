"""Quantizes a GGUF model to another type: a plan that can be shown, then its execution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import UsageError
from locoman.progress import Progress
from locoman.weights.gguf_model import GgufModel
from locoman.weights.imatrix import read_imatrix
from locoman.weights.model_plan import ModelPlan, planned_paths, write_model
from locoman.weights.quantize import plan_quantization
from locoman.workflows.model_files import check_target


@dataclass(frozen=True, slots=True)
class QuantizePlan:
    """What will be written to `files`; readable while the source is open. `before` are the source's tensor bytes."""

    source: Path
    quantization: str
    model: ModelPlan
    before: int
    target: Path
    files: tuple[Path, ...]
    split: bool


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """What was asked for beside the type."""

    imatrix: Path | None = None
    requantize: bool = False
    split: bool = False
    force: bool = False


@contextmanager
def quantize_plan(source: Path, to: str, target: Path, options: QuantizeOptions) -> Iterator[QuantizePlan]:
    """The plan, to be executed in the block. Raises UsageError, InvalidFile, Unsupported, MissingPrerequisite, StoreError."""
    importance = read_imatrix(options.imatrix) if options.imatrix else None
    with GgufModel.open(source) as model:
        plan = plan_quantization(model, to, importance, requantize=options.requantize)
        files = planned_paths(plan.model, target, split=options.split)
        refuse_overwriting(model, files)
        for file in files:
            check_target(file, plan.model.bytes, force=options.force)
        before = sum(rows.bytes for rows in model.tensors.values())
        yield QuantizePlan(source, plan.quantization, plan.model, before, target, files, options.split)


def execute_quantize(plan: QuantizePlan, progress: Progress) -> None:
    """Writes the files, whole or not at all. Raises InvalidFile, Unsupported, StoreError, MissingPrerequisite."""
    write_model(plan.model, plan.target, progress, split=plan.split)


def refuse_overwriting(source: GgufModel, files: tuple[Path, ...]) -> None:
    """Raises UsageError when a file of the source would be replaced: it is kept, whatever happens."""
    kept = {file.path.resolve() for file in source.files}
    for file in files:
        if file.resolve() in kept:
            raise UsageError(f"{file} is the source itself; choose another name.")
