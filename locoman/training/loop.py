"""The optimizer steps that LoRA training and the making of the tiny base share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from locoman.progress import Progress, no_progress
from locoman.training.batches import IGNORED, Batch
from locoman.training.schedule import Schedule, rate_factor


def device() -> Any:
    """The GPU where there is one (CUDA, else Apple's), else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def mixed_precision(where: Any) -> AbstractContextManager[Any]:
    """bfloat16 for the matrix products, on processors that are faster with it."""
    import torch

    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    capable = where.type == "cuda" or (where.type == "cpu" and bool(capabilities.get("avx512_bf16", False)))
    precision: AbstractContextManager[Any] = torch.autocast(where.type, dtype=torch.bfloat16, enabled=capable)
    return precision


class Stepper:
    """Takes optimizer steps on batches.

    The learning rates that the optimizers come with are the highest; they follow the schedule over `steps` steps. Gradients
    are clipped to a norm of 1. With `rows` > 0 a batch is computed so many rows at a time, which needs less memory and
    changes the result by rounding only.
    """

    def __init__(
        self, model: Any, optimizers: Iterable[Any], steps: int, schedule: Schedule, warmup: float, rows: int = 0
    ) -> None:
        self._model = model
        self._optimizers = list(optimizers)
        self._highest = [group["lr"] for group in self._groups()]
        self._trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._steps, self._schedule, self._warmup, self._rows = steps, schedule, warmup, rows

    def _groups(self) -> list[dict[str, Any]]:
        """Asked each time: an optimizer that takes up its state makes new ones."""
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]

    def take(self, step: int, batch: Batch) -> float:
        """Step number `step` (from 0); gives back the batch's mean loss before it, in nats per learnt token."""
        import torch

        factor = rate_factor(self._schedule, step, self._steps, self._warmup)
        for group, rate in zip(self._groups(), self._highest, strict=True):
            group["lr"] = rate * factor
        parts = _parts(batch, self._rows)
        learnt = [_learnt(part) for part in parts]
        total = 0.0
        for part, count in zip(parts, learnt, strict=True):
            share = count / max(1, sum(learnt))
            loss = _loss(self._model, part) * share if len(parts) > 1 else _loss(self._model, part)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return total


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
    """Takes one step per batch, `steps` in all; gives back the mean loss (nats per learnt token) of the last tenth."""
    stepper = Stepper(model, optimizers, steps, schedule, warmup)
    late: list[float] = []
    model.train()
    for step, batch in enumerate(batches):
        loss = stepper.take(step, batch)
        if step >= min(steps * 0.9, steps - 1):
            late.append(loss)
        progress(step + 1, steps, "steps")
    model.eval()
    return sum(late) / len(late) if late else float("nan")


def mean_loss(model: Any, batches: Sequence[Batch]) -> float:
    """The loss over all learnt tokens of the batches, in nats per token. Leaves the model in training mode."""
    import torch

    model.eval()
    total, tokens = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            count = _learnt(batch)
            total += _loss(model, batch).item() * count
            tokens += count
    model.train()
    return total / max(1, tokens)


def _loss(model: Any, batch: Batch) -> Any:
    """The batch's mean loss. Labels are shifted here: each position learns the next token."""
    import torch

    where = next(model.parameters()).device
    ids, labels = (torch.tensor(rows, device=where) for rows in (batch.ids, batch.labels))
    with mixed_precision(where):
        logits = model(input_ids=ids).logits  # filled up on the right: what comes later is never looked at
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
    )


def _parts(batch: Batch, rows: int) -> list[Batch]:
    if rows <= 0 or rows >= len(batch.ids):
        return [batch]
    starts = range(0, len(batch.ids), rows)
    return [Batch(batch.ids[start : start + rows], batch.labels[start : start + rows]) for start in starts]


def _learnt(batch: Batch) -> int:
    return sum(label != IGNORED for row in batch.labels for label in row[1:])
