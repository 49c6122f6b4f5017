"""Reads LoRA adapters in GGUF: for each tensor of the base a pair A, B and what B A is multiplied by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import InvalidFile, Unsupported, WrongBase
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_model import GgufRows


@dataclass(frozen=True, slots=True)
class LoraPair:
    """A (rank x columns) and B (rows x rank) of one tensor; `scale` is alpha / rank."""

    a: GgufRows
    b: GgufRows
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of B A."""
        return self.b.shape[0], self.a.shape[1]


@dataclass(frozen=True, slots=True)
class LoraGguf:
    """An open adapter: `pairs` by the name of the base's tensor."""

    path: Path
    architecture: str
    pairs: Mapping[str, LoraPair]

    def check(self, base: str, architecture: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Returns when every pair has its place in the base (its name, architecture and tensors by GGUF name).

        Raises WrongBase, Unsupported (a LoRA on the token embedding).
        """
        if self.architecture != architecture:
            detail = f"it was made for {self.architecture[:40]}, this is {architecture[:40]}"
            raise WrongBase(self.path.stem, base, detail)
        for name, pair in self.pairs.items():
            if name.startswith("token_embd."):
                raise Unsupported(self.path, "a LoRA on the token embedding")
            there = shapes.get(name)
            if there != pair.shape:
                raise WrongBase(
                    self.path.stem, base, f"{name} is {_size(pair.shape)} in the adapter and {_there(there)}"
                )


@contextmanager
def open_lora_gguf(path: Path) -> Iterator[LoraGguf]:
    """Opens the adapter for the block. Raises InvalidFile (no LoRA, or a broken one), Unsupported, StoreError."""
    with GgufFile.open(path) as file:
        if file.text("general.type", "model") != "adapter":
            raise InvalidFile(path, "a GGUF file, but no adapter")
        if (kind := file.text("adapter.type")) != "lora":
            raise Unsupported(path, f"an adapter of type {kind[:40]} (known: lora)")
        alpha = file.number("adapter.lora.alpha")
        if not math.isfinite(alpha) or alpha == 0:  # llama.cpp takes 0 for "no scaling"
            raise InvalidFile(path, f"the alpha of a LoRA cannot be {alpha}")
        yield LoraGguf(path, file.architecture, _pairs(file, alpha))


def _pairs(file: GgufFile, alpha: float) -> dict[str, LoraPair]:
    rows = {name: GgufRows(file, tensor) for name, tensor in file.tensors.items()}
    pairs: dict[str, LoraPair] = {}
    for name, a in rows.items():
        target, dot, half = name.rpartition(".")
        if half not in ("lora_a", "lora_b") or not dot:
            raise Unsupported(file.path, f"the tensor {name} is no part of a plain LoRA")
        b = rows.get(f"{target}.lora_b")
        if b is None or f"{target}.lora_a" not in rows:
            raise InvalidFile(file.path, f"{target} has only one half of its LoRA")
        if half == "lora_b":
            continue
        if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1]:
            raise InvalidFile(file.path, f"the halves of {target} do not fit: {a.shape} and {b.shape}")
        pairs[target] = LoraPair(a, b, alpha / a.shape[0])
    if not pairs:
        raise InvalidFile(file.path, "the adapter holds no tensors")
    return pairs


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _there(shape: tuple[int, ...] | None) -> str:
    return f"{_size(shape)} there" if shape else "missing there"
