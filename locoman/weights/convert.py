"""Converts a Hugging Face checkpoint folder to GGUF: first a plan that can be shown, then a stream of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from gguf.constants import GGML_QUANT_VERSION, LlamaFileType
from numpy.typing import NDArray

from locoman.contracts import Progress, no_progress
from locoman.errors import InvalidFile, Unsupported, UsageError
from locoman.weights import gguf_values
from locoman.weights.architecture import Architecture
from locoman.weights.checkpoint import Checkpoint, CheckpointTensor, open_checkpoint
from locoman.weights.gguf_values import Packed
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.tensor_types import F16, F32, LARGEST, TYPES, TensorType, quantize_rows
from locoman.weights.tokenizer import Tokenizer, read_tokenizer
from locoman.weights.transforms import TensorSource

QUANTIZATIONS: dict[str, LlamaFileType] = {
    "F32": LlamaFileType.ALL_F32,
    "F16": LlamaFileType.MOSTLY_F16,
    "BF16": LlamaFileType.MOSTLY_BF16,
    "Q8_0": LlamaFileType.MOSTLY_Q8_0,
}
"""What can be written -> general.file_type."""

PIECE_VALUES = 4 << 20
"""Values converted at a time: 16 MB as float32."""


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor of the result: where it comes from, what it is called and how it is stored (`bytes` of it)."""

    source: TensorSource
    target: str
    shape: tuple[int, ...]
    type: TensorType
    bytes: int


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """What a conversion will write; `bytes` are those of the tensors."""

    checkpoint: Checkpoint
    tokenizer: Tokenizer
    quantization: str
    tensors: tuple[PlannedTensor, ...]
    bytes: int

    @property
    def architecture(self) -> Architecture:
        return self.checkpoint.model.architecture


def plan_conversion(folder: Path, quantization: str) -> ConversionPlan:
    """What converting the checkpoint in `folder` will give. Reads headers and tokenizer, no weights.

    Raises UsageError (unknown quantization), InvalidFile, Unsupported, StoreError.
    """
    if quantization not in QUANTIZATIONS:
        raise UsageError(f"There is no quantization {quantization!r} (known: {', '.join(QUANTIZATIONS)}).")
    checkpoint = open_checkpoint(folder)
    tokenizer = read_tokenizer(folder, checkpoint.config, checkpoint.model.numbers["vocabulary"])
    tensors = tuple(_plan_tensor(tensor, TYPES[quantization]) for tensor in checkpoint.tensors)
    return ConversionPlan(checkpoint, tokenizer, quantization, tensors, sum(tensor.bytes for tensor in tensors))


def convert(plan: ConversionPlan, target: Path, progress: Progress = no_progress) -> None:
    """Writes `target`, which appears whole or not at all. Progress counts bytes of tensors.

    Raises InvalidFile (a weight that is no number), Unsupported (a weight the type cannot hold), StoreError,
    MissingPrerequisite (disk full).
    """
    tensors = [
        NewTensor(
            tensor.target, tensor.shape, tensor.type, tensor.bytes, partial(stored_pieces, tensor.source, tensor.type)
        )
        for tensor in plan.tensors
    ]
    write_gguf(target, _metadata(plan), tensors, progress)


def stored_pieces(source: TensorSource, kind: TensorType, factor: float = 1.0) -> Iterator[NDArray[np.uint8]]:
    """The rows of `source`, times `factor`, as `kind` stores them, some at a time. Raises InvalidFile, Unsupported."""
    for values in source.pieces(PIECE_VALUES):
        if factor != 1.0:
            values = values * np.float32(factor)
        largest = float(np.abs(values).max(initial=0.0))
        if not np.isfinite(largest):
            raise InvalidFile(source.path, f"the tensor {source.name} holds values that are no finite numbers")
        if largest > LARGEST[kind.name]:
            raise Unsupported(source.path, f"the tensor {source.name} holds {largest:g}, too large for {kind.name}")
        yield quantize_rows(values, kind)


def _plan_tensor(tensor: CheckpointTensor, wanted: TensorType) -> PlannedTensor:
    source = tensor.source
    kind = _type_for(source.shape, wanted)
    return PlannedTensor(source, tensor.target, source.shape, kind, source.rows * kind.row_bytes(source.shape[-1]))


def _type_for(shape: tuple[int, ...], wanted: TensorType) -> TensorType:
    """Vectors stay F32; rows that are no whole blocks of the type become F16, as in the reference converter."""
    if len(shape) == 1:
        return F32
    return wanted if wanted.fits(shape[-1]) else F16


def _metadata(plan: ConversionPlan) -> dict[str, Packed]:
    model = plan.checkpoint.model
    return {
        "general.architecture": gguf_values.text(model.architecture.name),
        "general.type": gguf_values.text("model"),
        "general.name": gguf_values.text(plan.checkpoint.folder.resolve().name or model.architecture.name),
        **model.metadata(),
        "general.file_type": gguf_values.u32(QUANTIZATIONS[plan.quantization]),
        "general.quantization_version": gguf_values.u32(GGML_QUANT_VERSION),
        **plan.tokenizer.metadata(),
    }
