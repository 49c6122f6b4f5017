"""What a config.json says of a model: the numbers of its family, its expected tensors, its GGUF metadata."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.errors import InvalidFile, Unsupported
from locoman.weights import gguf_values
from locoman.weights.architecture import MAX_LAYERS, Architecture, Number, TensorRule, recognise
from locoman.weights.gguf_values import Packed
from locoman.weights.rope import Rope, read_rope
from locoman.weights.transforms import TRANSFORMS, TensorSource

MAX_NUMBER = 1 << 24


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """A tensor that a model of given dimensions must have; the shape is in numpy's order."""

    source: str
    target: str
    shape: tuple[int, ...]
    transform: str = "keep"
    heads: int = 1

    def converted(self, stored: TensorSource) -> TensorSource:
        """The tensor as GGUF has it, given as Hugging Face has it (or the B of a LoRA on it)."""
        return TRANSFORMS[self.transform](stored, self.heads)


@dataclass(frozen=True, slots=True)
class Model:
    """An architecture with the numbers of one config.json."""

    architecture: Architecture
    numbers: Mapping[str, int]
    reals: Mapping[str, float]
    rope: Rope
    tied: bool | None
    """Whether the embedding is the output too; None when config.json does not say."""

    def tensors(self, *, tied: bool) -> Iterator[ExpectedTensor]:
        """Every stored tensor of the model, in the order of the rules, layer by layer."""
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
        scaling = {f"{prefix}.{key}": gguf_values.f32(real) for key, real in self.rope.reals.items()}
        return whole | reals | scaling

    def entries(self) -> Iterator[tuple[str, int]]:
        """(GGUF key behind the architecture's name, whole number)."""
        for name, value in self.numbers.items():
            for key in self.architecture.numbers[name].keys:
                yield key, value

    def _expected(self, rule: TensorRule, layer: int) -> ExpectedTensor:
        shape = tuple(_size(expression, self.numbers) for expression in rule.shape)
        source, target = (name.replace("{layer}", str(layer)) for name in (rule.source, rule.target))
        return ExpectedTensor(source, target, shape, rule.transform, self.numbers.get(rule.heads, 1))


def read_model(config: Mapping[str, Any], path: Path) -> Model:
    """The model that a config.json (at `path`) describes. Raises Unsupported, InvalidFile."""
    architecture = recognise(config, path)
    _refuse_what_would_be_lost(config, architecture, path)
    numbers: dict[str, int] = {}
    for name, rule in architecture.numbers.items():
        numbers[name] = _whole(config, rule, numbers, path)
        if rule.same_as and numbers[name] != numbers[rule.same_as]:
            raise Unsupported(path, f"{architecture.name} with {rule.config[0]} = {numbers[name]} cannot be converted")
    if numbers["layers"] > MAX_LAYERS:
        raise InvalidFile(path, f"{numbers['layers']} layers are more than {MAX_LAYERS}")
    if numbers["head_dim"] % 2:
        raise InvalidFile(path, f"an odd head size, {numbers['head_dim']}")
    _check_layers(config, architecture, numbers["layers"], path)
    reals = {
        name: _positive(config, rule, path)
        for name, rule in architecture.reals.items()
        if not rule.optional or _look_up(config, rule) is not None
    }
    tied = config.get("tie_word_embeddings", architecture.required.get("tie_word_embeddings"))
    if not isinstance(tied, bool | None):
        raise InvalidFile(path, "tie_word_embeddings must be true or false")
    return Model(architecture, numbers, reals, read_rope(config, architecture.rope, numbers, reals, path), tied)


def _refuse_what_would_be_lost(config: Mapping[str, Any], architecture: Architecture, path: Path) -> None:
    """Raises Unsupported for settings that llama.cpp would not honour."""
    if config.get("quantization_config"):
        raise Unsupported(path, "the checkpoint is quantized already; convert the original one")
    for place, only in architecture.required.items():
        value = _nested(config, place)
        if value is not None and value != only:
            raise Unsupported(path, f"{architecture.name} with {place} = {str(value)[:40]} cannot be converted")
    for place in architecture.absent:
        if (value := _nested(config, place)) is not None:
            raise Unsupported(path, f"{architecture.name} with {place} = {str(value)[:40]} cannot be converted")
    for place in architecture.never_null:
        if place in config and config[place] is None:
            raise Unsupported(path, f"{architecture.name} with {place} switched off cannot be converted")


def _check_layers(config: Mapping[str, Any], architecture: Architecture, layers: int, path: Path) -> None:
    """Which layers see the whole context is built into llama.cpp; a config.json that says otherwise is refused."""
    pattern = config.get("sliding_window_pattern")
    if pattern is not None and pattern != architecture.layer_pattern:
        raise Unsupported(path, f"sliding_window_pattern = {str(pattern)[:40]} (known: {architecture.layer_pattern})")
    kinds = config.get("layer_types")
    if kinds is None:
        return
    every = architecture.layer_pattern
    expected = ["sliding_attention" if (layer + 1) % every else "full_attention" for layer in range(layers)]
    if kinds != expected:
        raise Unsupported(path, "layer_types in another order than llama.cpp has them")


def _size(expression: str, numbers: Mapping[str, int]) -> int:
    """A sum of products of numbers, by name or written out: "heads*head_dim+2*kv_heads*head_dim"."""
    return sum(
        math.prod(int(factor) if factor.isdigit() else numbers[factor] for factor in product.split("*"))
        for product in expression.split("+")
    )


def _nested(config: Mapping[str, Any], place: str) -> Any:
    value: Any = config
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _look_up(config: Mapping[str, Any], rule: Number) -> Any:
    for place in rule.config:
        if (value := _nested(config, place)) is not None:
            return value
    return None


def _whole(config: Mapping[str, Any], rule: Number, numbers: Mapping[str, int], path: Path) -> int:
    value = _look_up(config, rule)
    if value is None:
        value = _default(rule, numbers, path)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not rule.least <= value <= MAX_NUMBER:
        raise InvalidFile(path, f"{rule.config[0]} must be a whole number from {rule.least} to {MAX_NUMBER}")
    return value


def _default(rule: Number, numbers: Mapping[str, int], path: Path) -> float:
    if rule.default is None:
        raise InvalidFile(path, f"{rule.config[0]} is missing")
    if not isinstance(rule.default, str):
        return rule.default
    dividend, _, divisor = rule.default.partition("/")
    return numbers[dividend] / (numbers[divisor] if divisor else 1)


def _positive(config: Mapping[str, Any], rule: Number, path: Path) -> float:
    value = _look_up(config, rule)
    if value is None:
        value = _default(rule, {}, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e30:
        raise InvalidFile(path, f"{rule.config[0]} must be a positive number")
    return float(value)
