"""A GGUF model that is to be written: a value that can be shown, and then written as one file or as shards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from gguf.constants import GGML_QUANT_VERSION
from numpy.typing import NDArray

from locoman.progress import Progress, no_progress
from locoman.store.atomic import mapped
from locoman.weights import gguf_values
from locoman.weights.files import new_file
from locoman.weights.gguf_model import SPLIT_COUNT, SPLIT_NO, SPLIT_TENSORS, GgufModel, GgufRows, shard_path
from locoman.weights.gguf_values import Packed
from locoman.weights.gguf_writer import NewTensor, write_content, write_gguf
from locoman.weights.mixes import llama_order
from locoman.weights.pieces import Piece, row_blocks, stored_pieces
from locoman.weights.tensor_types import TensorType
from locoman.weights.transforms import TensorSource

_LAYER_MATRIX = re.compile(r"blk\.\d+\.(.+)\.weight")


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor of the result: where its rows come from, what it is called, how it is stored.

    `wanted` is the type it would have had, were its rows whole blocks of it; `importance` weighs its columns.
    """

    source: TensorSource
    target: str
    shape: tuple[int, ...]
    type: TensorType
    wanted: TensorType
    importance: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    @property
    def bytes(self) -> int:
        return self.source.rows * self.type.row_bytes(self.shape[-1])

    @property
    def fell_back(self) -> bool:
        """Whether its rows were no whole blocks of the type wanted."""
        return self.type != self.wanted

    @property
    def copied(self) -> bool:
        """Whether its bytes stay as they are."""
        return isinstance(self.source, GgufRows) and self.source.type == self.type

    def pieces(self) -> Iterator[Piece]:
        """Its stored bytes, front to back. The work raises InvalidFile, Unsupported."""
        if isinstance(self.source, GgufRows) and self.copied:
            return (self.source.stored(rows) for rows in row_blocks(self.source))
        return stored_pieces(self.source, self.type, importance=self.importance)


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What will be written."""

    metadata: Mapping[str, Packed]
    tensors: tuple[PlannedTensor, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def metadata_bytes(self) -> int:
        """Bytes of the metadata, nearly."""
        return sum(len(key) + len(value.data) + 8 for key, value in self.metadata.items())

    @property
    def file_bytes(self) -> int:
        """Bytes of the model in one file, nearly."""
        return self.bytes + self.metadata_bytes + 80 * len(self.tensors)

    @property
    def types(self) -> dict[str, int]:
        """How many tensors are stored as which type, most bytes first."""
        sizes: dict[str, int] = {}
        counts: dict[str, int] = {}
        for tensor in self.tensors:
            sizes[tensor.type.name] = sizes.get(tensor.type.name, 0) + tensor.bytes
            counts[tensor.type.name] = counts.get(tensor.type.name, 0) + 1
        return {name: counts[name] for name in sorted(sizes, key=lambda name: -sizes[name])}

    @property
    def fallbacks(self) -> tuple[PlannedTensor, ...]:
        """The tensors that could not have the type that the mix wants."""
        return tuple(tensor for tensor in self.tensors if tensor.fell_back)


def write_model(
    plan: ModelPlan, target: Path, progress: Progress = no_progress, *, split: bool = False
) -> tuple[Path, ...]:
    """Writes the model, whole or not at all, and returns its files: `target`, or shards called after it.

    A shard of its own holds the metadata, one what adapters never touch, and one each kind of matrix of the layers: models
    that differ in some kinds only share all other shards byte for byte. Progress counts bytes of tensors.

    Raises InvalidFile (a weight that is no number), Unsupported, StoreError, MissingPrerequisite (disk full).
    """
    if not split:
        write_gguf(target, plan.metadata, _new_tensors(plan.tensors), progress)
        return (target,)
    shards = shards_of(plan)
    paths = planned_paths(plan, target, split=True)
    done = 0
    with ExitStack() as stack:  # unwinds backwards: the first shard, the one that is opened, appears last
        files = [stack.enter_context(new_file(path)) for path in paths]
        for number, (file, tensors) in enumerate(zip(files, shards, strict=True)):
            before = done
            write_content(
                file, _shard_metadata(plan, number, len(shards)), _new_tensors(tensors),
                lambda written, before=before: progress(before + written, plan.bytes, "bytes"),  # type: ignore[misc]
            )  # fmt: skip
            done += sum(tensor.bytes for tensor in tensors)
        # An older model of this name loses its first shard before the others are replaced: a kill among the renames leaves
        # a model that does not open, never a mixture of two that does.
        with mapped(paths[0]):
            paths[0].unlink(missing_ok=True)
    return paths


def write_shard(plan: ModelPlan, number: int, target: Path, progress: Progress = no_progress) -> Path:
    """Writes the one shard `number` (from 0) of those that `write_model` would write; returns its file. Raises as that."""
    shards = shards_of(plan)
    path = planned_paths(plan, target, split=True)[number]
    write_gguf(path, _shard_metadata(plan, number, len(shards)), _new_tensors(shards[number]), progress)
    return path


def plan_copy(model: GgufModel) -> ModelPlan:
    """The open model as it is."""
    tensors = (PlannedTensor(rows, name, rows.shape, rows.type, rows.type) for name, rows in model.tensors.items())
    return ModelPlan(model.packed_metadata(), tuple(tensors))


def as_llama_copies(plan: ModelPlan) -> ModelPlan:
    """The same model as `llama-quantize ... COPY` writes it (tensors by layer, version and type last in the metadata).

    Ollama up to 0.34 passes each model that is created in it through that program: what comes out as it went in is kept once.
    """
    metadata = dict(plan.metadata)
    file_type = metadata.pop("general.file_type", None)
    metadata.pop("general.quantization_version", None)
    metadata["general.quantization_version"] = gguf_values.u32(GGML_QUANT_VERSION)
    if file_type is not None:
        metadata["general.file_type"] = file_type
    tensors = {tensor.target: tensor for tensor in plan.tensors}
    return ModelPlan(metadata, tuple(tensors[name] for name in llama_order(tensors)))


def planned_paths(plan: ModelPlan, target: Path, *, split: bool) -> tuple[Path, ...]:
    """The files that `write_model` will write."""
    count = len(shards_of(plan))
    return tuple(shard_path(target, number, count) for number in range(count)) if split else (target,)


def shards_of(plan: ModelPlan) -> list[list[PlannedTensor]]:
    """The tensors of each shard; the first has none."""
    groups: dict[str, list[PlannedTensor]] = {"": []}
    for tensor in plan.tensors:
        match = _LAYER_MATRIX.fullmatch(tensor.target) if len(tensor.shape) > 1 else None
        groups.setdefault(match[1] if match else "", []).append(tensor)
    return [[], *(groups[name] for name in sorted(groups))]


def _shard_metadata(plan: ModelPlan, number: int, count: int) -> dict[str, Packed]:
    return {
        **(plan.metadata if number == 0 else {}),
        SPLIT_NO: gguf_values.u16(number),
        SPLIT_TENSORS: gguf_values.i32(len(plan.tensors)),
        SPLIT_COUNT: gguf_values.u16(count),
    }


def _new_tensors(tensors: Sequence[PlannedTensor]) -> list[NewTensor]:
    return [NewTensor(tensor.target, tensor.shape, tensor.type, tensor.bytes, tensor.pieces) for tensor in tensors]
