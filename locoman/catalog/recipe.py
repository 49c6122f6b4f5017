"""How an adapter is trained: the [training] table of adapter.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """A LoRA training recipe; all that is needed, with the package's train.jsonl and its base, to train the weights again.

    `targets` are names of linear modules as PEFT knows them; `warmup` is a share of the steps; `max_length` counts tokens.

    `validation` is the share of train.jsonl that is held back to look at the loss on it, every `look_every` steps (0: four
    times an epoch); the weights of the best look are kept. Training ends early after `patience` looks in a row without a
    better one (0: never).
    """

    rank: Annotated[int, Meta(ge=1, le=1024)]
    alpha: Annotated[float, Meta(gt=0)]
    targets: tuple[str, ...]
    epochs: Annotated[int, Meta(ge=1, le=1000)] = 3
    learning_rate: Annotated[float, Meta(gt=0, lt=1)] = 1e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Share = 0.03
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 16
    max_length: Annotated[int, Meta(ge=8, le=131072)] = 1024
    seed: int = 0
    validation: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.0
    look_every: Annotated[int, Meta(ge=0)] = 0
    patience: Annotated[int, Meta(ge=0)] = 0
