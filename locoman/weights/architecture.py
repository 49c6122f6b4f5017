"""A model family as data: which tensors it has, what they are called in GGUF, and which numbers describe it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from locoman.documents import read_toml
from locoman.errors import InvalidFile, Unsupported
from locoman.weights import architectures, gguf_values
from locoman.weights.gguf_values import Packed

MAX_NUMBER = 1 << 24
MAX_LAYERS = 1024
_ROPE_KEYS = ("rope_parameters", "rope_scaling")


class Number(msgspec.Struct, frozen=True):
    """A number of config.json: the places to look for it ("a.b" is nested), the GGUF keys that take it, its default."""

    config: tuple[str, ...]
    keys: tuple[str, ...] = ()
    default: float | None = None


class TensorRule(msgspec.Struct, frozen=True):
    """A tensor: its Hugging Face name, its GGUF name, and its shape as products of numbers ("heads*head_dim")."""

    source: str
    target: str
    shape: tuple[str, ...]


class Architecture(msgspec.Struct, frozen=True):
    """A model family, read from its file in `architectures`."""

    name: str
    model_types: tuple[str, ...]
    classes: tuple[str, ...]
    tokenizer: Literal["byte-level-bpe"]
    tied: tuple[str, ...]
    required: dict[str, str | bool]
    numbers: dict[str, Number]
    reals: dict[str, Number]
    tensors: tuple[TensorRule, ...]

    def names(self, layers: int) -> Iterator[tuple[str, str]]:
        """(Hugging Face name, GGUF name) of every tensor of a model of so many layers."""
        for rule in self.tensors:
            for layer in range(layers) if "{layer}" in rule.source else (0,):
                yield rule.source.replace("{layer}", str(layer)), rule.target.replace("{layer}", str(layer))


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """A tensor that a model of given dimensions must have; the shape is in numpy's order."""

    source: str
    target: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """An architecture with the numbers of one config.json."""

    architecture: Architecture
    numbers: Mapping[str, int]
    reals: Mapping[str, float]
    tied: bool | None
    """Whether the embedding is the output too; None when config.json does not say."""

    def tensors(self, *, tied: bool) -> Iterator[ExpectedTensor]:
        """Every tensor of the model, in the order of the rules, layer by layer."""
        rules = [rule for rule in self.architecture.tensors if not (tied and rule.source in self.architecture.tied)]
        layered = [rule for rule in rules if "{layer}" in rule.source]
        first = rules.index(layered[0])
        for position, rule in enumerate(rules):
            if rule not in layered:
                yield self._expected(rule, 0)
            elif position == first:
                for layer in range(self.numbers["layers"]):
                    yield from (self._expected(layered_rule, layer) for layered_rule in layered)

    def metadata(self) -> dict[str, Packed]:
        """The GGUF entries that the numbers fill."""
        prefix = self.architecture.name
        whole = {f"{prefix}.{key}": gguf_values.u32(value) for key, value in self.entries()}
        reals = {
            f"{prefix}.{key}": gguf_values.f32(real)
            for name, real in self.reals.items()
            for key in self.architecture.reals[name].keys
        }
        return whole | reals

    def entries(self) -> Iterator[tuple[str, int]]:
        """(GGUF key behind the architecture's name, whole number)."""
        for name, value in self.numbers.items():
            for key in self.architecture.numbers[name].keys:
                yield key, value

    def _expected(self, rule: TensorRule, layer: int) -> ExpectedTensor:
        shape = tuple(math.prod(self.numbers[name] for name in product.split("*")) for product in rule.shape)
        number = str(layer)
        return ExpectedTensor(rule.source.replace("{layer}", number), rule.target.replace("{layer}", number), shape)


@cache
def load_architecture(name: str) -> Architecture:
    """The architecture called `name`, which must be in `architectures.FAMILIES`."""
    return read_toml(Path(architectures.__file__).with_name(architectures.FAMILIES[name]), Architecture)


def recognise(config: Mapping[str, Any], path: Path) -> Architecture:
    """The family that a config.json (at `path`) names. Raises Unsupported, InvalidFile."""
    classes, model_type = config.get("architectures") or (), config.get("model_type")
    if (classes and not isinstance(classes, list)) or not isinstance(model_type, str | None):
        raise InvalidFile(path, "model_type or architectures is not what it should be")
    for name in architectures.FAMILIES:
        family = load_architecture(name)
        if (classes and classes[0] in family.classes) or (not classes and model_type in family.model_types):
            return family
    called = str(classes[0] if classes else model_type or "no architecture")[:80]
    raise Unsupported(path, f"the architecture {called} is not known here (known: {', '.join(architectures.FAMILIES)})")


def read_model(config: Mapping[str, Any], path: Path) -> Model:
    """The model that a config.json (at `path`) describes. Raises Unsupported, InvalidFile."""
    architecture = recognise(config, path)
    if config.get("quantization_config"):
        raise Unsupported(path, "the checkpoint is quantized already; convert the original one")
    for key, only in architecture.required.items():
        if config.get(key, only) not in (only, None):
            raise Unsupported(path, f"{architecture.name} with {key} = {str(config[key])[:40]} cannot be converted")
    _refuse_rope_scaling(config, path)
    numbers = {name: _whole(config, rule, path) for name, rule in architecture.numbers.items()}
    if numbers["layers"] > MAX_LAYERS:
        raise InvalidFile(path, f"{numbers['layers']} layers are more than {MAX_LAYERS}")
    reals = {name: _positive(config, rule, path) for name, rule in architecture.reals.items()}
    tied = config.get("tie_word_embeddings")
    if not isinstance(tied, bool | None):
        raise InvalidFile(path, "tie_word_embeddings must be true or false")
    return Model(architecture, numbers, reals, tied)


def _refuse_rope_scaling(config: Mapping[str, Any], path: Path) -> None:
    for key in _ROPE_KEYS:
        rope = config.get(key) or {}
        if not isinstance(rope, dict):
            raise InvalidFile(path, f"{key} must be an object")
        kind = rope.get("rope_type") or rope.get("type") or "default"
        if kind != "default":
            raise Unsupported(path, f"RoPE scaling of type {str(kind)[:40]} cannot be converted yet")


def _look_up(config: Mapping[str, Any], rule: Number, path: Path) -> Any:
    for place in rule.config:
        value: Any = config
        for key in place.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    if rule.default is None:
        raise InvalidFile(path, f"{rule.config[0]} is missing")
    return rule.default


def _whole(config: Mapping[str, Any], rule: Number, path: Path) -> int:
    value = _look_up(config, rule, path)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_NUMBER:
        raise InvalidFile(path, f"{rule.config[0]} must be a whole number from 1 to {MAX_NUMBER}")
    return value


def _positive(config: Mapping[str, Any], rule: Number, path: Path) -> float:
    value = _look_up(config, rule, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e30:
        raise InvalidFile(path, f"{rule.config[0]} must be a positive number")
    return float(value)
