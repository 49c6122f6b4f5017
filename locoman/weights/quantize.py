"""Quantizes a GGUF model, whole or in shards, to another type: what llama-quantize does, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from gguf.constants import GGML_QUANT_VERSION

from locoman.errors import InvalidFile, Unsupported
from locoman.weights import gguf_values
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_model import GgufModel, GgufRows
from locoman.weights.gguf_values import GgufArray
from locoman.weights.imatrix import ImportanceMatrix
from locoman.weights.mixes import SPECIAL_ARCHITECTURES, Choice, Dimensions, choose_types, find_mix, llama_order
from locoman.weights.model_plan import ModelPlan, PlannedTensor
from locoman.weights.tensor_types import require_writer

_MAX_LAYERS = 4096
_MAX_HEADS = 1 << 16


@dataclass(frozen=True, slots=True)
class QuantizationPlan:
    """What quantizing `source` will write; `model` reads from it while it is open."""

    source: GgufModel
    quantization: str
    model: ModelPlan


def plan_quantization(
    source: GgufModel, quantization: str, importance: ImportanceMatrix | None = None, *, requantize: bool = False
) -> QuantizationPlan:
    """What quantizing the open model will give, written with `write_model`. Tensors come in llama.cpp's order.

    `requantize` lets tensors that are quantized already be quantized again, which loses more than quantizing them once.

    Raises UsageError (unknown quantization), InvalidFile, Unsupported, MissingPrerequisite (no library here that can
    quantize so).
    """
    mix = find_mix(quantization)
    model = model_dimensions(source.head)
    shapes = {name: rows.shape for name, rows in source.tensors.items()}
    chosen = choose_types(mix, model, shapes, weighed=importance is not None)
    planned = []
    for name in llama_order(source.tensors):
        rows = source.tensors[name]
        planned.append(_plan_tensor(rows, chosen.get(name, Choice(rows.type, rows.type)), importance, requantize))
    metadata = source.packed_metadata()
    for key in ("general.quantization_version", "general.file_type"):  # written anew, and so last, by llama-quantize
        metadata.pop(key, None)
    metadata["general.quantization_version"] = gguf_values.u32(GGML_QUANT_VERSION)
    metadata["general.file_type"] = gguf_values.u32(mix.file_type)
    if importance is not None:
        metadata |= importance.metadata()
    return QuantizationPlan(source, mix.name, ModelPlan(metadata, tuple(planned)))


def model_dimensions(file: GgufFile) -> Dimensions:
    """What the mixes ask of the model in `file`. Raises InvalidFile, Unsupported (an adapter, rules not known here)."""
    if (kind := file.text("general.type", "model")) != "model":
        raise Unsupported(file.path, f"a GGUF of type {kind[:40]}; only models can be quantized")
    name = file.architecture
    if name in SPECIAL_ARCHITECTURES:
        raise Unsupported(file.path, f"quantizing {name}, for which llama.cpp has rules of its own")
    layers = _whole(file, f"{name}.block_count", _MAX_LAYERS)
    heads = _whole(file, f"{name}.attention.head_count", _MAX_HEADS)
    kv_heads = _whole(file, f"{name}.attention.head_count_kv", _MAX_HEADS, heads)
    return Dimensions(name, layers, heads, kv_heads, _whole(file, f"{name}.expert_count", _MAX_HEADS, 0))


def _whole(file: GgufFile, key: str, limit: int, default: int | None = None) -> int:
    """A whole number; of an array with one for each layer the largest."""
    value = file.metadata.get(key)
    if isinstance(value, GgufArray):
        numbers = value.numbers()
        value = int(numbers.max()) if len(numbers) and numbers.dtype.kind in "iu" else None
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise InvalidFile(file.path, f"{key} must be a whole number up to {limit}")
    return value


def _plan_tensor(
    rows: GgufRows, choice: Choice, importance: ImportanceMatrix | None, requantize: bool
) -> PlannedTensor:
    if choice.type == rows.type:
        return PlannedTensor(rows, rows.name, rows.shape, rows.type, choice.wanted)
    if not rows.type.plain and not requantize:
        raise Unsupported(
            rows.path,
            f"{rows.name} is {rows.type.name} already, and quantizing it again loses more; start from F16, BF16 or F32, or "
            "give --requantize",
        )
    require_writer(choice.type)
    weights = importance.of(rows.name, rows.shape) if importance and not choice.type.plain else None
    return PlannedTensor(rows, rows.name, rows.shape, choice.type, choice.wanted, weights)
