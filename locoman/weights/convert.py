"""Converts a Hugging Face checkpoint folder to GGUF in one pass: first a plan that can be shown, then a stream of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gguf.constants import GGML_QUANT_VERSION

from locoman.progress import Progress, no_progress
from locoman.weights import gguf_values
from locoman.weights.architecture import Architecture
from locoman.weights.checkpoint import Checkpoint, open_checkpoint
from locoman.weights.gguf_values import Packed
from locoman.weights.imatrix import ImportanceMatrix
from locoman.weights.mixes import Choice, Dimensions, Mix, choose_types, find_mix
from locoman.weights.model_plan import ModelPlan, PlannedTensor, write_model
from locoman.weights.tensor_types import F32, require_writer
from locoman.weights.tokenizer import Tokenizer, read_tokenizer


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """What a conversion will write."""

    checkpoint: Checkpoint
    tokenizer: Tokenizer
    quantization: str
    model: ModelPlan

    @property
    def architecture(self) -> Architecture:
        return self.checkpoint.model.architecture

    @property
    def tensors(self) -> tuple[PlannedTensor, ...]:
        return self.model.tensors

    @property
    def bytes(self) -> int:
        """Bytes of all tensors."""
        return self.model.bytes


def plan_conversion(
    folder: Path, quantization: str, importance: ImportanceMatrix | None = None, *, pre: str | None = None
) -> ConversionPlan:
    """What converting the checkpoint in `folder` will give. Reads headers and tokenizer, no weights.

    `pre` is llama.cpp's name of the pre-tokenizer, where it is not to be looked for in tokenizer.json.

    Raises UsageError (unknown quantization), InvalidFile, Unsupported, StoreError, MissingPrerequisite (no library here
    that can quantize so).
    """
    mix = find_mix(quantization)
    checkpoint = open_checkpoint(folder)
    vocabulary, kinds = checkpoint.model.numbers["vocabulary"], checkpoint.model.architecture.tokenizers
    tokenizer = read_tokenizer(folder, checkpoint.config, vocabulary, kinds, pre)
    tensors = _plan_tensors(checkpoint, mix, importance)
    metadata = _metadata(checkpoint, tokenizer, mix)
    if importance is not None:
        metadata |= importance.metadata()
    return ConversionPlan(checkpoint, tokenizer, mix.name, ModelPlan(metadata, tensors))


def convert(plan: ConversionPlan, target: Path, progress: Progress = no_progress) -> None:
    """Writes the model into one file. Progress counts bytes of tensors.

    Raises InvalidFile (a weight that is no number), Unsupported (a weight the type cannot hold), StoreError,
    MissingPrerequisite (disk full).
    """
    write_model(plan.model, target, progress)


def _plan_tensors(checkpoint: Checkpoint, mix: Mix, importance: ImportanceMatrix | None) -> tuple[PlannedTensor, ...]:
    numbers = checkpoint.model.numbers
    model = Dimensions(checkpoint.model.architecture.name, numbers["layers"], numbers["heads"], numbers["kv_heads"])
    shapes = {tensor.target: tensor.source.shape for tensor in checkpoint.tensors}
    chosen = choose_types(mix, model, shapes, weighed=importance is not None)
    planned = []
    for tensor in checkpoint.tensors:
        name, source = tensor.target, tensor.source
        choice = chosen.get(name, Choice(F32, F32))
        require_writer(choice.type)
        weights = importance.of(name, source.shape) if importance and not choice.type.plain else None
        planned.append(PlannedTensor(source, name, source.shape, choice.type, choice.wanted, weights))
    return tuple(planned)


def _metadata(checkpoint: Checkpoint, tokenizer: Tokenizer, mix: Mix) -> dict[str, Packed]:
    model = checkpoint.model
    return {
        "general.architecture": gguf_values.text(model.architecture.name),
        "general.type": gguf_values.text("model"),
        "general.name": gguf_values.text(
            tokenizer.model_name(checkpoint.folder.resolve().name or model.architecture.name)
        ),
        **model.metadata(),
        "general.file_type": gguf_values.u32(mix.file_type),
        "general.quantization_version": gguf_values.u32(GGML_QUANT_VERSION),
        **tokenizer.metadata(),
    }
