"""PEFT LoRA adapters as GGUF, and the check that a LoRA belongs to a base.

llama.cpp multiplies B A by alpha / rank, with one alpha for the whole file. What PEFT scales otherwise (rank-stabilised
LoRA, alpha_pattern) becomes that alpha where it is the same everywhere, and else a factor folded into B.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gguf.constants import GGML_QUANT_VERSION

from locoman.errors import InvalidFile, Unsupported, UsageError, WrongBase
from locoman.progress import Progress, no_progress
from locoman.weights import gguf_values
from locoman.weights.gguf_model import GgufModel
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.lora_base import LoraBase, read_lora_base
from locoman.weights.lora_gguf import open_lora_gguf
from locoman.weights.mixes import MIXES
from locoman.weights.peft import LoraSettings, read_lora_settings
from locoman.weights.pieces import stored_pieces
from locoman.weights.safetensors import StoredTensor, open_weights
from locoman.weights.tensor_types import TYPES, TensorType
from locoman.weights.transforms import TensorSource

LORA_QUANTIZATIONS = ("F32", "F16", "BF16")
_PREFIX = "base_model.model."
_SUFFIXES = (".lora_A.weight", ".lora_B.weight")


@dataclass(frozen=True, slots=True)
class PlannedPair:
    """One module's A and B, the tensor of the base they add to, and the factor that B takes on the way."""

    target: str
    a: TensorSource
    b: TensorSource
    factor: float


@dataclass(frozen=True, slots=True)
class LoraPlan:
    """What a LoRA conversion will write; `bytes` are those of the tensors."""

    folder: Path
    architecture: str
    type: TensorType
    alpha: float
    pairs: tuple[PlannedPair, ...]
    bytes: int


def plan_lora(folder: Path, base: Path, quantization: str = "F16") -> LoraPlan:
    """What converting the PEFT adapter in `folder` will give; `base` is a GGUF file or a checkpoint folder.

    Raises UsageError (unknown quantization), InvalidFile (the adapter is broken), Unsupported, WrongBase, StoreError.
    """
    if quantization not in LORA_QUANTIZATIONS:
        raise UsageError(f"A LoRA cannot be stored as {quantization!r} (known: {', '.join(LORA_QUANTIZATIONS)}).")
    kind = TYPES[quantization]
    settings = read_lora_settings(folder / "adapter_config.json")
    known = read_lora_base(base)
    modules = _fitting(folder, settings, known)
    alpha = _common_alpha(modules, settings)
    pairs = []
    for module, (a, b) in modules.items():
        tensor = known.tensors[f"{module}.weight"]
        factor = settings.scale_of(module) * a.shape[0] / alpha
        pairs.append(PlannedPair(tensor.target, a, tensor.converted(b), factor))
    size = sum(tensor.rows * kind.row_bytes(tensor.shape[1]) for pair in pairs for tensor in (pair.a, pair.b))
    return LoraPlan(folder, known.architecture, kind, alpha, tuple(pairs), size)


def fit_lora(folder: Path, base: LoraBase) -> tuple[str, ...]:
    """The modules that the PEFT adapter in `folder` adds to, if all of them are in `base` with the same shape.

    Reads its configuration and the header of its file. Raises WrongBase, InvalidFile (it is broken), Unsupported,
    StoreError.
    """
    return tuple(_fitting(folder, read_lora_settings(folder / "adapter_config.json"), base))


def convert_lora(plan: LoraPlan, target: Path, progress: Progress = no_progress) -> None:
    """Writes the LoRA GGUF `target`, which appears whole or not at all. Raises as `locoman.weights.convert.convert`."""
    metadata = {
        "general.architecture": gguf_values.text(plan.architecture),
        "general.type": gguf_values.text("adapter"),
        "adapter.type": gguf_values.text("lora"),
        "general.name": gguf_values.text(plan.folder.resolve().name or "adapter"),
        "adapter.lora.alpha": gguf_values.f32(plan.alpha),
        "general.file_type": gguf_values.u32(MIXES[plan.type.name].file_type),
        "general.quantization_version": gguf_values.u32(GGML_QUANT_VERSION),
    }
    tensors = []
    for pair in plan.pairs:
        tensors.append(_new_tensor(f"{pair.target}.lora_a", pair.a, plan.type, 1.0))
        tensors.append(_new_tensor(f"{pair.target}.lora_b", pair.b, plan.type, pair.factor))
    write_gguf(target, metadata, tensors, progress)


def check_lora_gguf(path: Path, base_gguf: Path) -> None:
    """Returns when llama.cpp can apply the LoRA GGUF `path` to the model `base_gguf`.

    Raises WrongBase (another architecture, a tensor missing there or of another shape), InvalidFile (no LoRA, or a broken
    one), Unsupported, StoreError.
    """
    with open_lora_gguf(path) as lora, GgufModel.open(base_gguf) as base:
        shapes = {name: rows.shape for name, rows in base.tensors.items()}
        lora.check(base_gguf.stem, base.head.architecture, shapes)


def _new_tensor(name: str, source: TensorSource, kind: TensorType, factor: float) -> NewTensor:
    size = source.rows * kind.row_bytes(source.shape[1])
    return NewTensor(name, source.shape, kind, size, partial(stored_pieces, source, kind, factor))


def _fitting(folder: Path, settings: LoraSettings, base: LoraBase) -> dict[str, tuple[StoredTensor, StoredTensor]]:
    modules = _pair_up(open_weights(folder, "adapter_model"), folder)
    for module, (a, b) in modules.items():
        _check_rank(module, a, b, settings)
        _check_place(module, (b.shape[0], a.shape[1]), base, folder)
    return modules


def _pair_up(tensors: Mapping[str, StoredTensor], folder: Path) -> dict[str, tuple[StoredTensor, StoredTensor]]:
    """Module name -> (A, B), in the order of the names."""
    halves: dict[str, list[StoredTensor | None]] = {}
    for name in sorted(tensors):
        module, half = next(((name.removesuffix(s), h) for h, s in enumerate(_SUFFIXES) if name.endswith(s)), ("", 0))
        if "lora_magnitude" in name:
            raise Unsupported(folder, f"DoRA (the tensor {name[:80]}): train with use_dora=False, or merge it")
        if "lora_embedding" in name:
            raise Unsupported(folder, f"a LoRA on the token embedding ({name[:80]}): train the linear layers only")
        if not module.startswith(_PREFIX):
            raise Unsupported(folder, f"the tensor {name[:80]} is no part of a plain LoRA")
        halves.setdefault(module.removeprefix(_PREFIX), [None, None])[half] = tensors[name]
    if not halves:
        raise InvalidFile(folder, "the adapter holds no tensors")
    pairs: dict[str, tuple[StoredTensor, StoredTensor]] = {}
    for module, (a, b) in halves.items():
        if a is None or b is None:
            raise InvalidFile(folder, f"{module[:80]} has only one half of its LoRA")
        pairs[module] = (a, b)
    return pairs


def _check_rank(module: str, a: StoredTensor, b: StoredTensor, settings: LoraSettings) -> None:
    if not settings.targeted(module):
        raise Unsupported(a.path, f"it holds weights for {module[:80]}, which target_modules leaves out")
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1] or 0 in (*a.shape, *b.shape):
        raise InvalidFile(a.path, f"the halves of {module[:80]} do not fit: {a.shape} and {b.shape}")
    if (rank := settings.rank_of(module)) != a.shape[0]:
        raise InvalidFile(a.path, f"{module[:80]} has rank {a.shape[0]}, adapter_config.json says {rank}")


def _check_place(module: str, shape: tuple[int, int], base: LoraBase, folder: Path) -> None:
    name = f"{module}.weight"
    if name in base.shared:
        raise Unsupported(
            folder, f"a LoRA on {module[:80]}, which in this base is the token embedding too: leave it out"
        )
    there = base.tensors.get(name)
    if there is None or there.shape != shape:
        raise WrongBase(folder.name, base.name, _mismatch(module[:80], shape, there.shape if there else None))


def _mismatch(name: str, shape: tuple[int, ...], there: tuple[int, ...] | None) -> str:
    size = "x".join(map(str, shape))
    return f"{name} is {size} in the adapter and " + (
        "x".join(map(str, there)) + " there" if there else "missing there"
    )


def _common_alpha(modules: Mapping[str, tuple[StoredTensor, StoredTensor]], settings: LoraSettings) -> float:
    """The alpha, in llama.cpp's sense, that most modules share."""
    counts = Counter(settings.scale_of(module) * a.shape[0] for module, (a, _) in modules.items())
    return counts.most_common(1)[0][0]
