"""The course of a LoRA training: its steps, the looks at the loss, an early end, and going on where a killed one stopped."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from locoman.catalog.recipe import Recipe
from locoman.errors import Diverged
from locoman.progress import Progress, no_progress
from locoman.training.batches import Batch, Sample, batches, pad
from locoman.training.checkpoint import Look, Standing, load_state, save_state
from locoman.training.loop import Stepper, mean_loss

CHECKPOINT_SECONDS = 60.0
_LOOKS_PER_EPOCH = 4
_ADAMW = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told, and what is kept on the way.

    Args:
        progress: each step. look: each look at the loss.
        folder: where the state is kept, so that a killed training goes on; None keeps none. It holds state of this very
            training or none: what it was made of is not compared.
        every: seconds between two states, beside those kept at each look.
    """

    progress: Progress = no_progress
    look: Callable[[Look], None] = lambda look: None
    folder: Path | None = None
    every: float = CHECKPOINT_SECONDS


class Course:
    """Trains `model`, a peft model, in place.

    The batches of all epochs follow from the recipe's seed, and nothing else is drawn, so that a training which goes on
    takes the very steps that it would have taken.
    """

    def __init__(
        self, model: Any, recipe: Recipe, train: Sequence[Sample], held: Sequence[Sample], watch: Watch, rows: int = 0
    ) -> None:
        import torch

        self._model, self._recipe, self._train, self._watch = model, recipe, train, watch
        self._held = [pad(held[at : at + recipe.batch_size]) for at in range(0, len(held), recipe.batch_size)]
        self._weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._optimizer = torch.optim.AdamW(
            list(self._weights.values()), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        per_epoch = math.ceil(len(train) / recipe.batch_size)
        self.steps = recipe.epochs * per_epoch
        self._every = recipe.look_every or max(1, round(per_epoch / _LOOKS_PER_EPOCH))
        self._stepper = Stepper(model, [self._optimizer], self.steps, recipe.schedule, recipe.warmup, rows)
        self._best: dict[str, Any] = {}
        self.standing = Standing()

    def run(self) -> Standing:
        """Trains to the end, with the best weights in the model at last. Raises Diverged, StoreError."""
        self._resume()
        self._model.train()
        begun = time.monotonic() - self.standing.seconds
        saved = time.monotonic()
        if self._held and not self.standing.looks:
            self._look(None)
        for step, batch in islice(enumerate(self._batches()), self.standing.step, None):
            if self.standing.over:
                break
            looked = len(self.standing.looks)
            self._step(step, batch, time.monotonic() - begun)
            if len(self.standing.looks) > looked or time.monotonic() - saved >= self._watch.every:
                self._save()
                saved = time.monotonic()
        self._update(over=True)
        self._save()
        self._restore_best()
        self._model.eval()
        return self.standing

    def _step(self, step: int, batch: Batch, seconds: float) -> None:
        loss = self._stepper.take(step, batch)
        if not math.isfinite(loss):
            raise Diverged(step + 1)
        self._update(step=step + 1, recent=(*self.standing.recent, loss), seconds=seconds)
        self._watch.progress(step + 1, self.steps, "steps")
        if (step + 1) % self._every == 0 or step + 1 == self.steps:
            self._look(sum(self.standing.recent) / len(self.standing.recent))

    def _look(self, training_loss: float | None) -> None:
        """Notes the losses, and the weights where they are the best yet; ends the training where the recipe says so."""
        held = mean_loss(self._model, self._held) if self._held else None
        look = Look(self.standing.step, training_loss, held)
        self._update(looks=(*self.standing.looks, look), recent=())
        if held is not None:
            if self.standing.best_loss is None or held < self.standing.best_loss:
                self._best = {name: weight.detach().clone() for name, weight in self._weights.items()}
                self._update(best_step=look.step, best_loss=held, idle=0)
            else:
                self._update(idle=self.standing.idle + 1)
            if 0 < self._recipe.patience <= self.standing.idle:
                self._update(over=True)
        self._watch.look(look)

    def _batches(self) -> Iterator[Batch]:
        rng = random.Random(self._recipe.seed)
        for _ in range(self._recipe.epochs):
            yield from batches(self._train, self._recipe.batch_size, rng)

    def _update(self, **changes: Any) -> None:
        self.standing = msgspec.structs.replace(self.standing, **changes)

    def _save(self) -> None:
        if self._watch.folder is None:
            return
        tensors = {f"weights.{name}": weight for name, weight in self._weights.items()}
        tensors |= {f"best.{name}": weight for name, weight in self._best.items()}
        for place, values in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{place}.{key}": tensor for key, tensor in values.items()}
        save_state(self._watch.folder, self.standing, tensors)

    def _resume(self) -> None:
        """Takes up the state that was kept, if it is whole and its tensors are those of this model."""
        found = load_state(self._watch.folder) if self._watch.folder is not None else None
        if found is None:
            return
        standing, tensors = found
        weights = self._named(tensors, "weights")
        best = self._named(tensors, "best")
        moments = self._moments(tensors) if standing.step else {}
        if weights is None or moments is None or not 0 <= standing.step <= self.steps:
            return
        if best is None and standing.best_loss is not None:
            return
        self._put(weights)
        self._best = {name: tensor.to(self._weights[name].device) for name, tensor in (best or {}).items()}
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.standing = standing

    def _named(self, tensors: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
        """The tensors of that kind by the names of the weights; None where one is missing or of another shape."""
        found = {name: tensors.get(f"{kind}.{name}") for name in self._weights}
        fits = all(t is not None and t.shape == self._weights[name].shape for name, t in found.items())
        return found if fits else None

    def _moments(self, tensors: Mapping[str, Any]) -> dict[int, dict[str, Any]] | None:
        """AdamW's state by the place of the weight; None where something is missing or of another shape."""
        state: dict[int, dict[str, Any]] = {}
        for place, weight in enumerate(self._weights.values()):
            state[place] = {key: tensors.get(f"optimizer.{place}.{key}") for key in _ADAMW}
            for key, tensor in state[place].items():
                if tensor is None or tensor.shape != (() if key == "step" else weight.shape):
                    return None
        return state

    def _restore_best(self) -> None:
        if self._best:
            self._put(self._best)

    def _put(self, weights: dict[str, Any]) -> None:
        import torch

        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(weights[name])
