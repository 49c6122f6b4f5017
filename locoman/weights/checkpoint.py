"""A Hugging Face checkpoint folder, checked as a whole: every tensor that the architecture demands, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.files import read_json
from locoman.weights.model_config import Model, read_model
from locoman.weights.safetensors import open_weights
from locoman.weights.transforms import TensorSource

MAX_CONFIG_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class CheckpointTensor:
    """A tensor of the model: `target` is its name in GGUF, `source` gives its values as GGUF has them."""

    target: str
    source: TensorSource


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open checkpoint; `tensors` are in GGUF order, `config` is its config.json."""

    folder: Path
    config: Mapping[str, Any]
    model: Model
    tensors: tuple[CheckpointTensor, ...]


def open_checkpoint(folder: Path) -> Checkpoint:
    """Reads config.json and the safetensors headers. Raises InvalidFile, Unsupported, StoreError."""
    path = folder / "config.json"
    config = read_json(path, dict[str, Any], MAX_CONFIG_BYTES)
    model = read_model(config, path)
    stored = open_weights(folder)
    outputs = [name for name in model.architecture.tied if name in stored]
    tied = model.tied if model.tied is not None else not outputs
    for name in outputs if tied else ():
        del stored[name]
    for name in _derived(model):
        stored.pop(name, None)
    found: list[CheckpointTensor] = []
    for expected in model.tensors(tied=tied):
        tensor = stored.pop(expected.source, None)
        if tensor is None:
            raise InvalidFile(folder, f"the checkpoint lacks the tensor {expected.source}")
        if tensor.shape != expected.shape:
            raise InvalidFile(
                tensor.path, f"{expected.source} has the shape {tensor.shape}, config.json says {expected.shape}"
            )
        found.append(CheckpointTensor(expected.target, expected.converted(tensor)))
    if stored:
        raise Unsupported(folder, f"{model.architecture.name} has no tensor called {min(stored)[:80]}")
    found += (CheckpointTensor(computed.name, computed) for computed in model.rope.tensors)
    return Checkpoint(folder, config, model, tuple(found))


def _derived(model: Model) -> Iterator[str]:
    """Tensors of old checkpoints that only repeat what config.json says."""
    for name in model.architecture.derived:
        yield from (name.replace("{layer}", str(layer)) for layer in range(model.numbers["layers"]))
