"""A model family as data: which tensors it has, what they are called in GGUF, and which numbers describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from locoman.documents import read_toml
from locoman.errors import InvalidFile, Unsupported
from locoman.weights import architectures

MAX_LAYERS = 1024

TokenizerKind = Literal["byte-level-bpe", "sentencepiece"]
TransformName = Literal["keep", "add_one", "pair_rotary_rows"]


class Number(msgspec.Struct, frozen=True):
    """A number of config.json.

    `config` are the places to look for it ("a.b" is nested), `keys` the GGUF keys that take it. `default` counts where it
    is missing: a value, or other numbers ("hidden/heads"). `least` is the smallest that may stand there; `same_as` names
    the only number it may equal; an `optional` one is left out of the GGUF where it is missing.
    """

    config: tuple[str, ...]
    keys: tuple[str, ...] = ()
    default: float | str | None = None
    least: int = 1
    same_as: str = ""
    optional: bool = False


class TensorRule(msgspec.Struct, frozen=True):
    """A tensor: its Hugging Face name, its GGUF name, and its shape in numbers ("heads*head_dim", "2*ffn").

    `transform` is one of `locoman.weights.transforms.TRANSFORMS`, and `heads` the number that it needs.
    """

    source: str
    target: str
    shape: tuple[str, ...]
    transform: TransformName = "keep"
    heads: str = ""


class Architecture(msgspec.Struct, frozen=True):
    """A model family, read from its file in `architectures`.

    `required` are settings of config.json with the only value that may stand there, `absent` those that must be missing,
    `never_null` those that may be missing but not switched off. `layer_pattern` n: every n-th layer sees the whole context,
    the others a window. `derived` are tensors of old checkpoints that follow from config.json. `rope` are the kinds of RoPE
    scaling that can be carried over.
    """

    name: str
    model_types: tuple[str, ...]
    classes: tuple[str, ...]
    tokenizers: tuple[TokenizerKind, ...]
    tied: tuple[str, ...]
    required: dict[str, str | bool | float]
    numbers: dict[str, Number]
    reals: dict[str, Number]
    tensors: tuple[TensorRule, ...]
    absent: tuple[str, ...] = ()
    never_null: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    rope: tuple[str, ...] = ()
    layer_pattern: int = 1

    def rules(self, layers: int) -> Iterator[tuple[TensorRule, str, str]]:
        """(rule, Hugging Face name, GGUF name) of every tensor of a model of so many layers."""
        for rule in self.tensors:
            for layer in range(layers) if "{layer}" in rule.source else (0,):
                yield rule, rule.source.replace("{layer}", str(layer)), rule.target.replace("{layer}", str(layer))

    def names(self, layers: int) -> Iterator[tuple[str, str]]:
        """(Hugging Face name, GGUF name) of every tensor of a model of so many layers."""
        return ((source, target) for _, source, target in self.rules(layers))


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
    known = sorted(name for family in architectures.FAMILIES for name in load_architecture(family).classes)
    raise Unsupported(path, f"the architecture {called} is not known here (known: {', '.join(known)})")
