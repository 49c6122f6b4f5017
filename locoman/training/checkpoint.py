"""Where a training stands, in one safetensors file that appears whole or not at all: tensors, and the rest as JSON.

No pickle: torch's own format would run whatever the file says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from locoman.store.atomic import mapped, publish

FILE_NAME = "state.safetensors"
_KEY = "locoman"


class Look(msgspec.Struct, frozen=True):
    """A look at a training: after `step` steps the mean loss (nats per token) of the steps since the last look, None before
    the first step, and that of the examples held back, None where there are none."""

    step: int
    training_loss: float | None
    validation_loss: float | None = None


class Standing(msgspec.Struct, frozen=True):
    """What a training knows of itself after `step` steps, beside its tensors.

    `recent` are the losses since the last look, `idle` the looks since the best one; `over` says that it has ended.
    """

    step: int = 0
    looks: tuple[Look, ...] = ()
    recent: tuple[float, ...] = ()
    best_step: int = 0
    best_loss: float | None = None
    idle: int = 0
    over: bool = False
    seconds: float = 0.0


def save_state(folder: Path, standing: Standing, tensors: Mapping[str, Any]) -> None:
    """Replaces the state in `folder`. Raises StoreError."""
    from safetensors.torch import save_file

    with mapped(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.tmp"):  # of a process that was killed while it wrote
            left.unlink()
        _, name = tempfile.mkstemp(prefix=FILE_NAME, suffix=".tmp", dir=folder)
        contiguous = {key: tensor.detach().to("cpu").contiguous() for key, tensor in tensors.items()}
        save_file(contiguous, name, metadata={_KEY: msgspec.json.encode(standing).decode()})
    publish(Path(name), folder / FILE_NAME)


def load_state(folder: Path) -> tuple[Standing, dict[str, Any]] | None:
    """What `save_state` wrote last, on the CPU; None where nothing is, or nothing that can be read."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            standing = msgspec.json.decode((file.metadata() or {}).get(_KEY, ""), type=Standing)
            return standing, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, msgspec.MsgspecError, OSError):
        return None


def read_standing(folder: Path) -> Standing | None:
    """How far the training in `folder` came, without torch; None as in `load_state`."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as file:
            return msgspec.json.decode((file.metadata() or {}).get(_KEY, ""), type=Standing)
    except (SafetensorError, msgspec.MsgspecError, OSError):
        return None
