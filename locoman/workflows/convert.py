"""Converts a checkpoint, or a PEFT adapter, to GGUF: a plan that can be shown, then its execution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.errors import UsageError
from locoman.progress import Progress
from locoman.weights.convert import ConversionPlan, plan_conversion
from locoman.weights.imatrix import read_imatrix
from locoman.weights.lora import LoraPlan, convert_lora, plan_lora
from locoman.weights.model_plan import planned_paths, write_model
from locoman.workflows.model_files import check_target

MODEL_TYPE = "Q4_K_M"
ADAPTER_TYPE = "F16"


@dataclass(frozen=True, slots=True)
class ConvertPlan:
    """What will be written to `files`, from a checkpoint or from an adapter; `bytes` are those of the tensors."""

    source: Path
    plan: ConversionPlan | LoraPlan
    target: Path
    files: tuple[Path, ...]
    split: bool

    @property
    def bytes(self) -> int:
        return self.plan.bytes


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What was asked for. `to` None: Q4_K_M for a model, F16 for an adapter, whose base is `base`."""

    to: str | None = None
    base: Path | None = None
    imatrix: Path | None = None
    pre: str | None = None
    split: bool = False
    force: bool = False


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds a PEFT adapter."""
    return (folder / "adapter_config.json").is_file()


def plan_convert(source: Path, target: Path, options: ConvertOptions) -> ConvertPlan:
    """The plan. Raises UsageError, InvalidFile, Unsupported, WrongBase, MissingPrerequisite, NotEnoughDisk, StoreError."""
    plan: ConversionPlan | LoraPlan
    if is_adapter(source):
        if options.base is None:
            raise UsageError("An adapter is converted for its base: give --base, a GGUF file or a checkpoint folder.")
        if options.split or options.imatrix or options.pre:
            raise UsageError("--split, --imatrix and --pre are for models, and this is an adapter.")
        plan = plan_lora(source, options.base, (options.to or ADAPTER_TYPE).upper())
        files: tuple[Path, ...] = (target,)
    else:
        if options.base is not None:
            raise UsageError("--base is for adapters, and this is no PEFT adapter.")
        importance = read_imatrix(options.imatrix) if options.imatrix else None
        plan = plan_conversion(source, options.to or MODEL_TYPE, importance, pre=options.pre)
        files = planned_paths(plan.model, target, split=options.split)
    for file in files:
        check_target(file, plan.bytes, force=options.force)
    return ConvertPlan(source, plan, target, files, options.split)


def execute_convert(plan: ConvertPlan, progress: Progress) -> None:
    """Writes the files, whole or not at all. Raises InvalidFile, Unsupported, StoreError, MissingPrerequisite."""
    if isinstance(plan.plan, LoraPlan):
        convert_lora(plan.plan, plan.target, progress)
    else:
        write_model(plan.plan.model, plan.target, progress, split=plan.split)
