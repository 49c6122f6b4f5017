"""The linear modules of a base, by the names that a recipe's `targets` use. No torch is needed to know them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from locoman.errors import UnknownName, Unsupported
from locoman.names import nearest
from locoman.weights.lora_base import LoraBase, read_lora_base

_EMBEDDING = "embed_tokens"
_HEAD = "lm_head"


def linear_modules(base: Path) -> tuple[str, ...]:
    """The modules inside the layers of `base`, a GGUF file or a checkpoint folder. Raises InvalidFile, Unsupported."""
    return tuple(name for name in _modules(read_lora_base(base)) if name != _HEAD)


def check_targets(base: Path, targets: Sequence[str]) -> None:
    """Returns when a LoRA on `targets` can be trained on `base` and carried into a GGUF.

    Raises UnknownName with the nearest, Unsupported (the token embedding, also where the output layer shares it), InvalidFile.
    """
    known = read_lora_base(base)
    modules = _modules(known)
    for target in targets:
        if target == _EMBEDDING or any(name.removesuffix(".weight").endswith(target) for name in known.shared):
            raise Unsupported(base, f"a LoRA on {target}, which in this base is the token embedding: leave it out")
        if target not in modules:
            raise UnknownName("linear module of this base", target, nearest(target, modules) or modules)


def _modules(base: LoraBase) -> tuple[str, ...]:
    matrices = [name for name, tensor in base.tensors.items() if len(tensor.shape) == 2 and name not in base.shared]
    leaves = (name.removesuffix(".weight").rpartition(".")[2] for name in matrices)
    return tuple(dict.fromkeys(leaf for leaf in leaves if leaf != _EMBEDDING))
