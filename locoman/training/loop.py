"""The training loop that LoRA training and the making of the tiny base share."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from locoman.contracts import Progress, no_progress
from locoman.training.batches import IGNORED, Batch
from locoman.training.schedule import Schedule, rate_factor


def device() -> Any:
    """The GPU where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(where: Any) -> AbstractContextManager[Any]:
    """bfloat16 for the matrix products, on processors that are faster with it."""
    import torch

    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    capable = where.type == "cuda" or bool(capabilities.get("avx512_bf16", False))
    precision: AbstractContextManager[Any] = torch.autocast(where.type, dtype=torch.bfloat16, enabled=capable)
    return precision


def fit(
    model: Any,
    optimizers: Iterable[Any],
    batches: Iterable[Batch],
    steps: int,
    *,
    schedule: Schedule,
    warmup: float,
    progress: Progress = no_progress,
) -> float:
    """Takes one step per batch, `steps` in all; gives back the mean loss (nats per learnt token) of the last tenth.

    The learning rates that the optimizers come with are the highest; they follow the schedule. Gradients are clipped
    to a norm of 1. The batches' labels are shifted inside: each position learns the next token.
    """
    import torch

    where = next(model.parameters()).device
    optimizers = list(optimizers)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    highest = [group["lr"] for group in groups]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    late: list[float] = []
    model.train()
    for step, batch in enumerate(batches):
        factor = rate_factor(schedule, step, steps, warmup)
        for group, rate in zip(groups, highest, strict=True):
            group["lr"] = rate * factor
        ids, labels = (torch.tensor(rows, device=where) for rows in (batch.ids, batch.labels))
        with mixed_precision(where):
            logits = model(input_ids=ids).logits  # filled up on the right: what comes later is never looked at
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if step >= min(steps * 0.9, steps - 1):
            late.append(loss.item())
        progress(step + 1, steps, "steps")
    model.eval()
    return sum(late) / len(late) if late else float("nan")
