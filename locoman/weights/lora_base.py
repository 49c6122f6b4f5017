"""What a LoRA must know of its base: which tensors it has, under both names, and their shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.architecture import MAX_LAYERS, Architecture, TensorRule, load_architecture
from locoman.weights.architectures import FAMILIES
from locoman.weights.checkpoint import MAX_CONFIG_BYTES
from locoman.weights.files import read_json
from locoman.weights.gguf_model import GgufModel
from locoman.weights.model_config import ExpectedTensor, read_model

MAX_HEADS = 4096


@dataclass(frozen=True, slots=True)
class LoraBase:
    """`tensors` by Hugging Face name; `shared` are the names that stand for the token embedding in this base."""

    name: str
    architecture: str
    tensors: Mapping[str, ExpectedTensor]
    shared: frozenset[str]


def read_lora_base(base: Path) -> LoraBase:
    """From a GGUF file, or from the config.json of a checkpoint folder. Raises InvalidFile, Unsupported, StoreError."""
    return _from_checkpoint(base) if base.is_dir() else _from_gguf(base)


def _from_checkpoint(folder: Path) -> LoraBase:
    path = folder / "config.json"
    model = read_model(read_json(path, dict[str, Any], MAX_CONFIG_BYTES), path)
    tied = bool(model.tied)
    tensors = {tensor.source: tensor for tensor in model.tensors(tied=tied)}
    shared = frozenset(model.architecture.tied) if tied else frozenset[str]()
    return LoraBase(folder.name, model.architecture.name, tensors, shared)


def _from_gguf(path: Path) -> LoraBase:
    with GgufModel.open(path) as model:
        file = model.head
        name = file.architecture
        if name not in FAMILIES:
            raise Unsupported(path, f"LoRA conversion for {name[:40]} (known: {', '.join(FAMILIES)})")
        architecture = load_architecture(name)
        layers = file.number(f"{name}.block_count")
        if not 0 < layers <= MAX_LAYERS or not isinstance(layers, int):
            raise InvalidFile(path, f"{layers} layers")
        tensors = {
            source: ExpectedTensor(
                source, target, model.tensors[target].shape, rule.transform, _heads(model, architecture, rule, target)
            )
            for rule, source, target in architecture.rules(layers)
            if target in model.tensors
        }
        shared = frozenset(source for source in architecture.tied if source not in tensors)
        return LoraBase(path.stem, name, tensors, shared)


def _heads(model: GgufModel, architecture: Architecture, rule: TensorRule, target: str) -> int:
    """The number of heads that the rule's transform needs, from the GGUF key that holds it."""
    if not rule.heads:
        return 1
    heads = model.head.number(f"{architecture.name}.{architecture.numbers[rule.heads].keys[0]}")
    if not isinstance(heads, int) or not 0 < heads <= MAX_HEADS or model.tensors[target].shape[0] % (2 * heads):
        raise InvalidFile(model.head.path, f"{heads} attention heads")
    return heads
