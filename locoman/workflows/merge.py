"""Merges a LoRA adapter into a GGUF model or a Hugging Face checkpoint: a plan that can be shown, then its execution."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import UsageError
from locoman.progress import Progress
from locoman.store.digests import sha256_of
from locoman.weights.files import sweep_unfinished
from locoman.weights.gguf_model import GgufModel
from locoman.weights.imatrix import read_imatrix
from locoman.weights.lora import convert_lora, plan_lora
from locoman.weights.lora_gguf import LoraGguf, open_lora_gguf
from locoman.weights.merge import plan_merge
from locoman.weights.merge_checkpoint import CheckpointMerge, merge_checkpoint, plan_checkpoint_merge
from locoman.weights.model_plan import ModelPlan, planned_paths, write_model
from locoman.workflows.model_files import check_target
from locoman.workflows.quantize import refuse_overwriting

PEFT_WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What will be written; readable inside the block that made it. `files` are the results (one folder for a checkpoint)."""

    base: Path
    adapter: Path
    plan: ModelPlan | CheckpointMerge
    touched: tuple[str, ...]
    touched_bytes: int
    target: Path
    files: tuple[Path, ...]
    split: bool

    @property
    def bytes(self) -> int:
        """Bytes of all tensors of the result."""
        return self.plan.bytes


@contextmanager
def merge_plan(
    base: Path, adapter: Path, target: Path, *, imatrix: Path | None = None, split: bool = False, force: bool = False
) -> Iterator[MergePlan]:
    """The plan, to be executed in the block. `adapter` is a PEFT folder or a LoRA GGUF; `base` a GGUF or a checkpoint.

    Raises UsageError, WrongBase, InvalidFile, Unsupported, MissingPrerequisite, StoreError.
    """
    with ExitStack() as stack:
        lora = stack.enter_context(_open_adapter(adapter, base))
        if base.is_dir():
            if split or imatrix:
                raise UsageError("--split and --imatrix are for GGUF models, and this base is a checkpoint.")
            sweep_unfinished(target)
            if target.exists():
                raise UsageError(f"{target} is there already; choose another name for the new folder.")
            merge = plan_checkpoint_merge(base, lora)
            check_target(target, merge.bytes, force=False)
            touched = tuple(merge.merged)
            yield MergePlan(base, adapter, merge, touched, merge.touched_bytes, target, (target,), False)
            return
        model = stack.enter_context(GgufModel.open(base))
        importance = read_imatrix(imatrix) if imatrix else None
        plan = plan_merge(model, lora, _label(adapter), importance)
        files = planned_paths(plan, target, split=split)
        refuse_overwriting(model, files)
        for file in files:
            check_target(file, plan.bytes, force=force)
        changed = [tensor for tensor in plan.tensors if not tensor.copied]
        touched = tuple(tensor.target for tensor in changed)
        yield MergePlan(base, adapter, plan, touched, sum(t.bytes for t in changed), target, files, split)


def execute_merge(plan: MergePlan, progress: Progress) -> None:
    """Writes the result, whole or not at all. Raises InvalidFile, Unsupported, StoreError, MissingPrerequisite."""
    if isinstance(plan.plan, CheckpointMerge):
        merge_checkpoint(plan.plan, plan.target, progress)
    else:
        write_model(plan.plan, plan.target, progress, split=plan.split)


@contextmanager
def _open_adapter(adapter: Path, base: Path) -> Iterator[LoraGguf]:
    """A PEFT adapter is turned into a LoRA GGUF in F32 first (exactly), which has its names and scales worked out."""
    if not adapter.is_dir():
        with open_lora_gguf(adapter) as lora:
            yield lora
        return
    with tempfile.TemporaryDirectory(prefix="locoman-") as folder:
        path = Path(folder) / f"{adapter.resolve().name}.gguf"
        convert_lora(plan_lora(adapter, base, "F32"), path)
        with open_lora_gguf(path) as lora:
            yield lora


def _label(adapter: Path) -> str:
    """How the result names the adapter: what it is called and the beginning of its weights' digest."""
    weights = adapter / PEFT_WEIGHTS if adapter.is_dir() else adapter
    name = adapter.resolve().name.removesuffix(".gguf")
    return f"{name} sha256:{sha256_of(weights)[:16]}" if weights.is_file() else name
