"""Trains the base, loco-tiny, from scratch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from locoman.contracts import Progress
from locoman.training.batches import Batch, Sample, pad
from locoman.training.loop import device, fit
from tiny.mixture import samples, tokenizer_texts
from tiny.model import new_model
from tiny.tokenizer import train_tokenizer, write_tokenizer


@dataclass(frozen=True)
class Plan:
    """How long and how fast the base learns; a step reads about `tokens` tokens (filling counted)."""

    steps: int = 2000
    tokens: int = 2560
    matrix_rate: float = 3e-3
    other_rate: float = 3e-3
    warmup: float = 0.03


def by_length(tokenizer: Tokenizer, plan: Plan, rng: random.Random) -> Iterator[Batch]:
    """`plan.steps` batches of fresh texts, like lengths together."""
    made = 0
    while True:
        pool = sorted(samples(tokenizer, 20_000, rng), key=lambda sample: len(sample.ids))
        groups: list[list[Sample]] = [[]]
        for sample in pool:
            if (len(groups[-1]) + 1) * len(sample.ids) > plan.tokens:
                groups.append([])
            groups[-1].append(sample)
        rng.shuffle(groups)
        for group in groups:
            if made == plan.steps:
                return
            yield pad(group)
            made += 1


def optimizers(model: Any, plan: Plan) -> list[Any]:
    """Muon for the matrices inside the layers, AdamW for the rest (after 150 steps: loss 0.8; AdamW alone: 2.0)."""
    import torch

    inside = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(inside, lr=plan.matrix_rate, weight_decay=0.01, ns_steps=4, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def train_base(folder: Path, seed: int, progress: Progress, plan: Plan | None = None) -> float:
    """Writes the finished checkpoint with its tokenizer to `folder`; gives back the last loss."""
    import torch

    plan = plan or Plan()
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = train_tokenizer(tokenizer_texts(rng))
    model = new_model().to(device())
    loss = fit(
        model,
        optimizers(model, plan),
        by_length(tokenizer, plan, rng),
        plan.steps,
        schedule="linear",
        warmup=plan.warmup,
        progress=progress,
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    write_tokenizer(tokenizer, folder)
    return loss
