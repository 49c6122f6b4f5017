"""Which type each tensor of a quantized model gets: llama.cpp's own mixes (src/llama-quant.cpp, llama_tensor_get_type).

A mix has a type for most tensors and more bits for those that suffer most: the output, values of the attention, and the
last matrix of the feed-forward block. The rules are those of dense models and of mixtures of experts; the architectures
for which llama.cpp has rules of their own are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gguf.constants import LlamaFileType

from locoman.errors import UsageError
from locoman.names import nearest
from locoman.weights.tensor_types import BF16, F16, F32, Q8_0, TYPES, TensorType

SPECIAL_ARCHITECTURES = ("falcon", "glm5-next")
"""Architectures with rules in llama.cpp that are not written down here."""

_Q4_0, _Q4_1, _Q5_0, _Q5_1 = (TYPES[name] for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1"))
_Q3_K, _Q4_K, _Q5_K, _Q6_K = (TYPES[name] for name in ("Q3_K", "Q4_K", "Q5_K", "Q6_K"))

_SMALLER_BLOCKS: dict[str, TensorType] = {
    "Q2_K": _Q4_0, "Q3_K": _Q4_0, "Q4_K": _Q5_0, "Q5_K": _Q5_1, "Q6_K": Q8_0,
}  # fmt: skip
"""What stands in where rows are no whole blocks of 256; F16 where they are none of 32 either."""

_NEVER_QUANTIZED = (
    "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj",
    "ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight",
    "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight",
    "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
    "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight", "attn_rel_b.weight", ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_",
    ".rel_pos", ".patch_embd", ".patch_merger", "a.rvq.codebook", "mm.a.code_embd",
)  # fmt: skip
_NEVER_QUANTIZED_NAMES = ("position_embd.weight", "token_types.weight")

_CATEGORIES = (
    ("attn_qkv.weight", "attn_v"), ("attn_kv_b.weight", "attn_v"), ("attn_v.weight", "attn_v"),
    ("attn_k.weight", "attn_k"), ("attn_output.weight", "attn_output"), ("ffn_down", "ffn_down"),
)  # fmt: skip
_EMBEDDINGS = ("token_embd.weight", "per_layer_token_embd.weight")
_OUTPUT = "output.weight"
_LAYER = re.compile(r"blk\.(\d{1,9})\.")


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What the rules ask of a model. `experts` 0: a dense model."""

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    experts: int = 0

    @property
    def wide_70b(self) -> bool:
        """One of the 70 B models whose values serve eight heads each (llama.cpp's LLM_TYPE_70B)."""
        by_heads = self.architecture == "llama" and self.heads != self.kv_heads
        return self.layers == 80 and (by_heads or self.architecture in ("qwen2", "deci", "olmo"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor stands: the model, the how-manieth of its category, of how many; whether errors are weighed."""

    model: Dimensions
    index: int
    count: int
    weighed: bool

    @property
    def more_bits(self) -> bool:
        """The first and the last eighth of the layers, and every third between (use_more_bits)."""
        eighth = self.count // 8
        return self.index < eighth or self.index >= 7 * self.count // 8 or (self.index - eighth) % 3 == 2


Rule = Callable[[Place], TensorType | None]


@dataclass(frozen=True, slots=True)
class Mix:
    """A quantization: its general.file_type, its type for most matrices, and what each category gets instead."""

    name: str
    file_type: int
    type: TensorType
    rules: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Choice:
    """The type of a tensor; `wanted` is what the mix would have given, had the rows been whole blocks of it."""

    type: TensorType
    wanted: TensorType

    @property
    def fell_back(self) -> bool:
        return self.type != self.wanted


def _more_bits(place: Place) -> TensorType | None:
    return _Q6_K if place.more_bits else None


def _experts(count: int, kind: TensorType) -> Rule:
    return lambda place: kind if place.model.experts == count else None


def _first(count: int, kind: TensorType, rest: TensorType | None = None) -> Rule:
    return lambda place: kind if place.index < count else rest


def _first_part(divisor: int, kind: TensorType, rest: TensorType | None = None) -> Rule:
    return lambda place: kind if place.index < place.count // divisor else rest


def _with_weights(rule: Rule) -> Rule:
    return lambda place: rule(place) if place.weighed else None


def _q3_output(place: Place) -> TensorType:
    return _Q5_K if place.model.experts == 8 else _Q4_K


_EIGHT_EXPERTS = _experts(8, _Q5_K)

MIXES: dict[str, Mix] = {
    mix.name: mix
    for mix in (
        Mix("F32", LlamaFileType.ALL_F32, F32, {}),
        Mix("F16", LlamaFileType.MOSTLY_F16, F16, {}),
        Mix("BF16", LlamaFileType.MOSTLY_BF16, BF16, {}),
        Mix("Q8_0", LlamaFileType.MOSTLY_Q8_0, Q8_0, {}),
        Mix("Q4_0", LlamaFileType.MOSTLY_Q4_0, _Q4_0, {"ffn_down": _with_weights(_first_part(8, _Q4_1))}),
        Mix("Q3_K_M", LlamaFileType.MOSTLY_Q3_K_M, _Q3_K, {
            "attn_v": _first(2, _Q5_K, _Q4_K), "ffn_down": _first_part(16, _Q5_K, _Q4_K), "attn_output": _q3_output,
        }),
        Mix("Q4_K_S", LlamaFileType.MOSTLY_Q4_K_S, _Q4_K, {
            "attn_v": _first(4, _Q5_K), "ffn_down": _first_part(8, _Q5_K), "attn_output": _EIGHT_EXPERTS,
        }),
        Mix("Q4_K_M", LlamaFileType.MOSTLY_Q4_K_M, _Q4_K, {
            "attn_v": _more_bits, "ffn_down": _more_bits, "attn_output": _EIGHT_EXPERTS,
        }),
        Mix("Q5_K_S", LlamaFileType.MOSTLY_Q5_K_S, _Q5_K, {}),
        Mix("Q5_K_M", LlamaFileType.MOSTLY_Q5_K_M, _Q5_K, {"attn_v": _more_bits, "ffn_down": _more_bits}),
        Mix("Q6_K", LlamaFileType.MOSTLY_Q6_K, _Q6_K, {}),
    )
}  # fmt: skip
"""What can be written, by its name in llama.cpp."""


def find_mix(name: str) -> Mix:
    """The mix called `name`, in any case. Raises UsageError."""
    mix = MIXES.get(name.upper())
    if mix is None:
        close = nearest(name, (known.lower() for known in MIXES))
        hint = f" Did you mean {close[0].upper()}?" if close else ""
        raise UsageError(f"There is no quantization {name[:40]!r} (known: {', '.join(MIXES)}).{hint}")
    return mix


def llama_order(names: Iterable[str]) -> list[str]:
    """The names as llama.cpp sorts them: by layer, what belongs to none first, then by name (weight_name_comparer)."""
    return sorted(names, key=lambda name: (_layer(name), name.encode()))


def choose_types(
    mix: Mix, model: Dimensions, shapes: Mapping[str, tuple[int, ...]], *, weighed: bool = False
) -> dict[str, Choice]:
    """The type of every tensor that the mix may touch, by name; shapes in numpy's order. The rest keeps what it has.

    `weighed`: an importance matrix is used.
    """
    names = [name for name in llama_order(shapes) if _may_quantize(name, shapes[name])]
    values = sum(_category(name) == "attn_v" for name in shapes)
    counts = {"attn_v": values, "ffn_down": model.layers}
    seen: dict[str, int] = {}
    chosen: dict[str, Choice] = {}
    for name in names:
        category = _category(name)
        index = seen.get(category, 0)
        seen[category] = index + 1
        if category == "ffn_down" and model.experts > 1:
            index = _layer(name)
        place = Place(model, index, counts.get(category, 0), weighed)
        wanted = _wanted(mix, name, category, place, tied=_OUTPUT not in shapes)
        chosen[name] = Choice(_fitting(wanted, shapes[name][-1]), wanted)
    return chosen


def _wanted(mix: Mix, name: str, category: str, place: Place, *, tied: bool) -> TensorType:
    if mix.type.plain:
        return mix.type
    if name == _OUTPUT or (tied and name in _EMBEDDINGS):
        return Q8_0 if mix.type is Q8_0 else _Q6_K
    if place.model.experts == 8 and category in ("attn_v", "attn_k"):
        return Q8_0
    rule = mix.rules.get(category)
    kind = (rule(place) if rule else None) or mix.type
    if category == "attn_v" and place.model.wide_70b and kind in (_Q3_K, _Q4_K):
        return _Q5_K
    return kind


def _fitting(kind: TensorType, columns: int) -> TensorType:
    """`kind`, or what llama.cpp falls back to when the rows are no whole blocks of it."""
    if kind.fits(columns):
        return kind
    smaller = _SMALLER_BLOCKS.get(kind.name, kind)
    return smaller if smaller.fits(columns) else F16


def _may_quantize(name: str, shape: Sequence[int]) -> bool:
    """tensor_allows_quantization: weights of two dimensions or more, but for some that are small or delicate."""
    dimensions = next((len(shape) - place for place, size in enumerate(shape) if size > 1), 1)
    return (
        dimensions >= 2
        and name.endswith("weight")
        and name not in _NEVER_QUANTIZED_NAMES
        and not any(part in name for part in _NEVER_QUANTIZED)
    )


def _category(name: str) -> str:
    if name == _OUTPUT or name in _EMBEDDINGS:
        return name
    return next((category for part, category in _CATEGORIES if part in name), "")


def _layer(name: str) -> int:
    match = _LAYER.match(name)
    return int(match[1]) if match else -1
