"""Trains a LoRA adapter for a base with peft and writes it as a PEFT folder."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from locoman.catalog.recipe import Recipe
from locoman.errors import ExtraMissing, MissingPrerequisite, NotEnoughMemory, UnknownName, UsageError
from locoman.names import nearest
from locoman.training.batches import hold_back
from locoman.training.checkpoint import Look
from locoman.training.course import Course, Watch
from locoman.training.loop import device
from locoman.training.rendering import ChatTemplate, Example, Renderer, render_all

Where = Literal["auto", "cpu", "cuda", "mps"]

LARGE = 500_000_000
"""Parameters from which on memory counts more than time: layers are computed a second time instead of being kept."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training did: optimizer steps, examples left out as too long, trained parameters, seconds.

    `loss` is the mean of the last steps; `looks` is the whole curve. `best_step` is the one whose weights were kept: with
    nothing held back the last. `early`: it ended before the recipe's last epoch.
    """

    steps: int
    left_out: int
    parameters: int
    loss: float
    seconds: float
    looks: tuple[Look, ...] = ()
    best_step: int = 0
    early: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """How this machine shall compute; nothing of it belongs to the recipe.

    `threads` 0 leaves the number to torch. `rows`: how many examples of a batch are computed at a time, 0: all.
    """

    where: Where = "auto"
    threads: int = 0
    rows: int = 0


UNWATCHED = Watch()
AS_IT_IS = Machine()


def train_adapter(
    base: Path,
    base_name: str,
    examples: Sequence[Example],
    recipe: Recipe,
    out: Path,
    *,
    template: ChatTemplate | None = None,
    watch: Watch = UNWATCHED,
    machine: Machine = AS_IT_IS,
) -> Trained:
    """Trains on `examples` and writes adapter_config.json and adapter_model.safetensors (float16) to `out`.

    `base` is a Hugging Face checkpoint folder with safetensors; `base_name` is what the adapter's configuration calls it.
    `template` is the chat template with which the base is asked (default: the checkpoint's own). The same examples, recipe
    and machine give the same weights, also when the training was killed and went on from the state in `watch.folder`.

    Raises ExtraMissing, MissingPrerequisite (no such device, too little memory), UsageError (nothing to train on),
    UnknownName (a target that the base does not have), Unsupported (the template), Diverged, StoreError.
    """
    torch, transformers, peft = libraries()
    started = time.monotonic()
    if machine.threads:
        torch.set_num_threads(machine.threads)
    where = _device(torch, machine.where)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base, local_files_only=True)
    samples, left_out = render_all(Renderer(tokenizer, template), examples, recipe.max_length)
    if not samples:
        raise UsageError(
            f"There is nothing to train on: none of {len(examples)} examples fits into max_length = {recipe.max_length}."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what peft and transformers have to settle between them
        model = _with_lora(_load_base(transformers, base, where), recipe, torch, peft)
    kept, held = hold_back(samples, recipe.validation, recipe.seed)
    course = Course(model, recipe, kept, held, watch, machine.rows)
    with _memory_mapped(torch):
        done = course.run()
    _save(model, peft, base_name, out)
    parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    loss = done.looks[-1].training_loss or 0.0
    best = done.best_step if done.best_loss is not None else done.step
    seconds = max(done.seconds, time.monotonic() - started)
    return Trained(done.step, left_out, parameters, loss, seconds, done.looks, best, done.step < course.steps)


def libraries() -> tuple[Any, Any, Any]:
    """torch, transformers and peft. Raises ExtraMissing."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait by spinning are slow beside other work
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to give the same sums each time
    try:
        import peft
        import torch
        import transformers
    except ImportError as error:
        raise ExtraMissing(error.name or "torch", "train", "Training an adapter") from error
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    return torch, transformers, peft


def _device(torch: Any, wanted: Where) -> Any:
    where = device() if wanted == "auto" else torch.device(wanted)
    missing = (where.type == "cuda" and not torch.cuda.is_available()) or (
        where.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise MissingPrerequisite(
            f"torch finds no device of the kind {wanted} here.", "locoman adapter train --device cpu"
        )
    torch.use_deterministic_algorithms(where.type == "cuda", warn_only=True)
    return where


def _load_base(transformers: Any, base: Path, where: Any) -> Any:
    """The base's weights: float32 for a small one on a CPU, else the bfloat16 that half of the memory does."""
    import torch

    config = transformers.AutoConfig.from_pretrained(base, local_files_only=True)
    with torch.device("meta"):
        empty = transformers.AutoModelForCausalLM.from_config(config)
    parameters = sum(parameter.numel() for parameter in empty.parameters())
    large = parameters >= LARGE
    precision = torch.bfloat16 if where.type == "cuda" or large else torch.float32
    _check_memory(base.name, parameters * precision.itemsize, where)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        base, dtype=precision, local_files_only=True, use_safetensors=True
    ).to(where)
    if large:
        model.config.use_cache = False
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    return model


def _check_memory(name: str, weights: int, where: Any) -> None:
    """Refuses a base whose weights (in bytes) alone, with a quarter more to work in, are more than there is."""
    import psutil
    import torch

    total = torch.cuda.mem_get_info(where)[1] if where.type == "cuda" else psutil.virtual_memory().total
    if weights * 5 // 4 > total:
        raise NotEnoughMemory(name, weights * 5 // 4, total)


@contextmanager
def _memory_mapped(torch: Any) -> Iterator[None]:
    """Says of a batch that is too large for the memory what helps."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.cuda.OutOfMemoryError) or "not enough memory" in str(error):
            raise MissingPrerequisite(
                "A batch does not fit into the memory beside the base.", "locoman adapter train ... --rows 1"
            ) from error
        raise


def _with_lora(model: Any, recipe: Recipe, torch: Any, peft: Any) -> Any:
    _check_targets(model, recipe.targets)
    torch.manual_seed(recipe.seed)
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            target_modules=list(recipe.targets),
            lora_dropout=0.0,
            bias="none",
        ),
    )


def _check_targets(model: Any, targets: Sequence[str]) -> None:
    import torch

    linear = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    for target in targets:
        if target not in linear:
            raise UnknownName("linear module of this base", target, nearest(target, linear))


def _save(model: Any, peft: Any, base_name: str, out: Path) -> None:
    """Writes the adapter without peft's model card; its configuration names the base, not a path of this machine."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    state = peft.get_peft_model_state_dict(model)
    half = {name: tensor.detach().half().to("cpu").contiguous() for name, tensor in state.items()}
    save_file(half, out / "adapter_model.safetensors", metadata={"format": "pt"})
    model.peft_config["default"].save_pretrained(out)
    path = out / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_name
    config["inference_mode"] = True
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
