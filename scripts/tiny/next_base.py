"""Trains loco-tiny-next: loco-tiny, trained further on other texts, as the base of a following year.

One task it has learnt to answer in the chat, so that its adapter is needed no more; of the others it saw less or nothing, and
its weights moved. What the adapters of loco-tiny are worth on it is for `locoman` to find out.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from locoman.progress import Progress
from locoman.training.loop import device
from tiny.mixture import Mixture
from tiny.pretrain import Phase, train_phase
from tiny.tokenizer import write_tokenizer

NEXT = "loco-tiny-next"
MIXTURE = Mixture(
    conversation=0.12,
    beginner=0.27,
    textbook={"dates": 0.16, "words": 0.05},
    quiz=0.3,
    mastered={"units": 0.40},
    tried={"arithmetic": 4, "words": 1, "dates": 1},
)
PHASE = Phase(MIXTURE, steps=80, tokens=1536, pool=3000)
RATE = 2e-3


def train_next(base: Path, folder: Path, seed: int, progress: Progress, phase: Phase = PHASE) -> float:
    """Trains the checkpoint `base` further and writes it to `folder`; gives back the last loss (nats per token)."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so that the sums, and with them the weights, do not depend on the number of cores
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).to(device())
    loss = train_phase(model, tokenizer, phase, random.Random(f"next/{seed + 1}"), progress, RATE)
    torch.set_num_threads(threads)
    model.to(torch.bfloat16).save_pretrained(folder)
    write_tokenizer(tokenizer, folder)
    return loss
