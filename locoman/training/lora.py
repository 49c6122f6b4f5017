"""Trains a LoRA adapter for a base with peft and writes it as a PEFT folder."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.catalog.recipe import Recipe
from locoman.contracts import Progress, no_progress
from locoman.errors import ExtraMissing, UnknownName, UsageError
from locoman.names import nearest
from locoman.training.batches import Batch, Sample, batches
from locoman.training.loop import device, fit
from locoman.training.rendering import Example, render_all


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training did: optimizer steps, examples left out as too long, trained parameters, last loss, seconds."""

    steps: int
    left_out: int
    parameters: int
    loss: float
    seconds: float


def train_adapter(
    base: Path,
    base_name: str,
    examples: Sequence[Example],
    recipe: Recipe,
    out: Path,
    *,
    progress: Progress = no_progress,
) -> Trained:
    """Trains on `examples` and writes adapter_config.json and adapter_model.safetensors (float16) to `out`.

    `base` is a Hugging Face checkpoint folder; `base_name` is what the adapter's configuration calls it. The same
    examples, recipe and machine give the same weights. Raises ExtraMissing, UsageError (nothing to train on),
    UnknownName (a target the base does not have).
    """
    torch, transformers, peft = _libraries()
    started = time.monotonic()
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    samples, left_out = render_all(tokenizer, examples, recipe.max_length)
    if not samples:
        raise UsageError("There is nothing to train on: no example fits into the recipe's max_length.")
    where = device()
    precision = torch.bfloat16 if where.type == "cuda" else torch.float32
    plain = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=precision).to(where)
    _check_targets(plain, recipe.targets)
    model = peft.get_peft_model(
        plain,
        peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            target_modules=list(recipe.targets),
            lora_dropout=0.0,
            bias="none",
        ),
    )
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    steps = recipe.epochs * math.ceil(len(samples) / recipe.batch_size)
    loss = fit(
        model,
        [torch.optim.AdamW(trained, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)],
        _epochs(samples, recipe, rng),
        steps,
        schedule=recipe.schedule,
        warmup=recipe.warmup,
        progress=progress,
    )
    _save(model, base_name, out)
    parameters = sum(parameter.numel() for parameter in trained)
    return Trained(steps, left_out, parameters, loss, time.monotonic() - started)


def _libraries() -> tuple[Any, Any, Any]:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait by spinning are slow beside other work
    try:
        import peft
        import torch
        import transformers
    except ImportError as error:
        raise ExtraMissing(error.name or "torch", "train", "Training an adapter") from error
    return torch, transformers, peft


def _check_targets(model: Any, targets: Sequence[str]) -> None:
    import torch

    linear = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    for target in targets:
        if target not in linear:
            raise UnknownName("linear module of this base", target, nearest(target, linear))


def _epochs(samples: Sequence[Sample], recipe: Recipe, rng: random.Random) -> Iterator[Batch]:
    for _ in range(recipe.epochs):
        yield from batches(samples, recipe.batch_size, rng)


def _save(model: Any, base_name: str, out: Path) -> None:
    """Writes the adapter without peft's model card; its configuration names the base, not a path of this machine."""
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    path = out / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_name
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
