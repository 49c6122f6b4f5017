"""Trains the base, loco-tiny, from scratch."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from locoman.errors import MissingPrerequisite
from locoman.progress import Progress
from locoman.training.batches import Batch, Sample, pad
from locoman.training.loop import device, fit
from tiny.mixture import Mixture, samples, tokenizer_texts
from tiny.model import new_model
from tiny.tokenizer import train_tokenizer, write_tokenizer


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own mixture and a learning rate that rises and falls once.

    A step reads about `tokens` tokens (filling counted). Texts are drawn and sorted by length `pool` at a time.
    """

    mixture: Mixture
    steps: int
    tokens: int
    pool: int = 20_000


PHASES = (
    Phase(
        Mixture(0.11, 0.07, {"arithmetic": 0.27, "words": 0.31, "dates": 0.15, "units": 0.09}, quiz=0.5),
        steps=2000,
        tokens=2560,
    ),
    Phase(
        Mixture(0.10, 0.06, {"arithmetic": 0.30, "words": 0.36, "dates": 0.12, "units": 0.06}, quiz=0.3),
        steps=1300,
        tokens=4096,
    ),
)
RATE = 3e-3
WARMUP = 0.03


def by_length(tokenizer: Tokenizer, phase: Phase, rng: random.Random) -> Iterator[Batch]:
    """`phase.steps` batches of fresh texts, like lengths together."""
    made = 0
    while True:
        pool = sorted(samples(tokenizer, phase.mixture, phase.pool, rng), key=lambda sample: len(sample.ids))
        groups: list[list[Sample]] = [[]]
        for sample in pool:
            if (len(groups[-1]) + 1) * len(sample.ids) > phase.tokens:
                groups.append([])
            groups[-1].append(sample)
        rng.shuffle(groups)
        for group in groups:
            if made == phase.steps:
                return
            yield pad(group)
            made += 1


def optimizers(model: Any, rate: float = RATE) -> list[Any]:
    """Muon for the matrices inside the layers, AdamW for the rest (after 150 steps: loss 0.8; AdamW alone: 2.0).

    `rate` is the highest learning rate of both.
    """
    import torch

    if not hasattr(torch.optim, "Muon"):
        raise MissingPrerequisite("Training the base needs torch 2.9 or later.", "pip install --upgrade torch")
    inside = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(inside, lr=rate, weight_decay=0.01, ns_steps=4, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def train_base(folder: Path, seed: int, progress: Progress, phases: Sequence[Phase] = PHASES) -> float:
    """Writes the finished checkpoint with its tokenizer to `folder`; gives back the last loss (nats per token)."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = train_tokenizer(tokenizer_texts(rng))
    model = new_model().to(device())
    loss = math.nan
    for number, phase in enumerate(phases):
        rng = rng if number == 0 else random.Random(f"{seed}/{number}")
        loss = train_phase(model, tokenizer, phase, rng, progress)
    model.to(torch.bfloat16).save_pretrained(folder)
    write_tokenizer(tokenizer, folder)
    return loss


def train_phase(
    model: Any, tokenizer: Tokenizer, phase: Phase, rng: random.Random, progress: Progress, rate: float = RATE
) -> float:
    """Trains the model in place; gives back the last loss."""
    batches, makers = by_length(tokenizer, phase, rng), optimizers(model, rate)
    return fit(model, makers, batches, phase.steps, schedule="linear", warmup=WARMUP, progress=progress)
