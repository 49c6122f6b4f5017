"""Merges LoRA adapters into GGUF models: W + scale B A for the tensors they touch, every other byte as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf.constants import GGUFValueType
from numpy.typing import NDArray

from locoman.errors import InvalidFile, Unsupported
from locoman.weights import gguf_values
from locoman.weights.gguf_model import GgufModel
from locoman.weights.gguf_values import GgufArray
from locoman.weights.imatrix import ImportanceMatrix
from locoman.weights.lora_gguf import LoraGguf
from locoman.weights.model_plan import ModelPlan, PlannedTensor
from locoman.weights.tensor_types import LARGEST, require_writer
from locoman.weights.transforms import TensorSource

MERGED_KEY = "locoman.merged_adapters"
"""The metadata entry that tells which adapters a model holds, in the order in which they were merged."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The rows of `base` with `scale` B A added, in float32 (see `transforms.TensorSource`)."""

    base: TensorSource
    a: TensorSource
    b: TensorSource
    scale: float

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def path(self) -> Path:
        return self.base.path

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape

    @property
    def rows(self) -> int:
        return self.base.rows

    def values(self, rows: slice | list[int] = slice(None)) -> NDArray[np.float32]:
        """The chosen rows. Raises InvalidFile (the adapter holds no finite numbers), Unsupported."""
        a, b = self.a.values(), self.b.values(rows)
        for half in (a, b):
            if not np.isfinite(half).all():
                raise InvalidFile(self.a.path, f"its pair for {self.name} holds values that are no finite numbers")
        with np.errstate(over="ignore"):  # told when the sum is stored
            update = np.matmul(b * np.float32(self.scale), a, dtype=np.float32)
            return np.add(self.base.values(rows), update, dtype=np.float32)


def plan_merge(base: GgufModel, lora: LoraGguf, label: str, importance: ImportanceMatrix | None = None) -> ModelPlan:
    """What merging the open adapter, called `label`, into the open model will give; each tensor keeps its type.

    Raises WrongBase, InvalidFile, Unsupported (a type that cannot be written), MissingPrerequisite.
    """
    shapes = {name: rows.shape for name, rows in base.tensors.items()}
    lora.check(base.path.stem, base.head.architecture, shapes)
    planned = []
    for name, rows in base.tensors.items():
        pair = lora.pairs.get(name)
        if pair is None:
            planned.append(PlannedTensor(rows, name, rows.shape, rows.type, rows.type))
            continue
        if rows.type.name not in LARGEST:
            raise Unsupported(base.path, f"{name} is {rows.type.name}, which can be read here but not written")
        require_writer(rows.type)
        merged = Merged(rows, pair.a, pair.b, pair.scale)
        weights = importance.of(name, rows.shape) if importance and not rows.type.plain else None
        planned.append(PlannedTensor(merged, name, rows.shape, rows.type, rows.type, weights))
    before = base.metadata.get(MERGED_KEY)
    held = []
    if isinstance(before, GgufArray) and before.code == GGUFValueType.STRING:
        held = [text.decode("utf-8", "replace") for text in before.byte_strings()]
    metadata = base.packed_metadata() | {MERGED_KEY: gguf_values.texts([*held, label])}
    return ModelPlan(metadata, tuple(planned))
