"""Reads PEFT's adapter_config.json: how strong each pair of a LoRA is, and what cannot be carried into a GGUF.

Whatever changes the result and has no place in a LoRA GGUF is refused by name; so is any key that this version does not
know and that is set. The meaning of the keys is that of peft.LoraConfig (0.21).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from locoman.errors import Unsupported
from locoman.weights.files import parse_json, read_json

T = TypeVar("T")

MAX_CONFIG_BYTES = 4 << 20
MAX_PATTERNS = 4096

_READ = {"peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "init_lora_weights", "bias"}
_WITHOUT_EFFECT = {
    "auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying", "eva_config", "exclude_modules",
    "inference_mode", "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout", "lora_ga_config",
    "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config", "target_modules", "task_type",
}  # fmt: skip
"""Keys that matter while training only, or say what the tensors' names say too."""

_REMEDIES = {
    "use_dora": "DoRA scales whole rows of the base; train with use_dora=False, or merge it into the base",
    "modules_to_save": "whole modules were trained beside the LoRA; train without modules_to_save, or merge",
    "lora_bias": "train with lora_bias=False",
    "trainable_token_indices": "single embeddings were trained; train without trainable_token_indices, or merge",
    "layer_replication": "layers were repeated; merge it into the base",
    "target_parameters": "parameters other than linear layers were trained; merge it into the base",
    "alora_invocation_tokens": "an activated LoRA works on a part of the prompt only; train a plain LoRA",
    "fan_in_fan_out": "the layers are transposed; this belongs to GPT-2 and its like",
}
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Initialisations that change the base's own weights, so that the adapter does not fit the published base."""

_PLAIN_PATTERN = re.compile(r"\^?(?:[\w.-]|\\[.]){1,256}\$?")

_Rank = Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
_Alpha = Annotated[float, msgspec.Meta(gt=0, le=1e6)]


class _Known(msgspec.Struct, frozen=True):
    r: _Rank
    lora_alpha: _Alpha
    peft_type: str
    use_rslora: bool = False
    bias: str = "none"
    init_lora_weights: bool | str | None = True
    rank_pattern: dict[str, _Rank] | None = None
    alpha_pattern: dict[str, _Alpha] | None = None


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """What scales a LoRA: rank and alpha, with exceptions by module name (the first pattern that fits counts)."""

    rank: int
    alpha: float
    root_scaling: bool
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]

    def rank_of(self, module: str) -> int:
        """The rank of a module such as "model.layers.0.self_attn.q_proj"."""
        return _by_pattern(self.ranks, module, self.rank)

    def scale_of(self, module: str) -> float:
        """What B A is multiplied by in this module: alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA."""
        rank = self.rank_of(module)
        return _by_pattern(self.alphas, module, self.alpha) / (math.sqrt(rank) if self.root_scaling else rank)


def read_lora_settings(path: Path) -> LoraSettings:
    """The settings in an adapter_config.json. Raises InvalidFile, Unsupported, StoreError."""
    document = read_json(path, dict[str, msgspec.Raw], MAX_CONFIG_BYTES)
    if (kind := parse_json(document.get("peft_type", msgspec.Raw(b"null")), path, object)) != "LORA":
        raise Unsupported(path, f"an adapter of type {str(kind)[:40]} (known: LORA)")
    known = parse_json(msgspec.json.encode({key: raw for key, raw in document.items() if key in _READ}), path, _Known)
    for key, raw in document.items():
        if key not in _READ and key not in _WITHOUT_EFFECT and parse_json(raw, path, object):
            raise Unsupported(path, f"{key[:80]} has no place in a LoRA GGUF" + _remedy(key))
    if known.bias != "none":
        raise Unsupported(path, f"bias = {known.bias[:20]!r} has no place in a LoRA GGUF: train with bias='none'")
    start = known.init_lora_weights
    if isinstance(start, str) and start.startswith(_CHANGES_BASE):
        raise Unsupported(
            path, f"init_lora_weights = {start[:40]!r} changed the base: save it with PEFT's conversion to a plain LoRA"
        )
    ranks, alphas = known.rank_pattern or {}, known.alpha_pattern or {}
    for pattern in (*ranks, *alphas):
        if not _PLAIN_PATTERN.fullmatch(pattern) or len(ranks) + len(alphas) > MAX_PATTERNS:
            raise Unsupported(
                path, f"the pattern {pattern[:80]!r} for modules is a regular expression: write the module names out"
            )
    return LoraSettings(known.r, known.lora_alpha, known.use_rslora, ranks, alphas)


def _remedy(key: str) -> str:
    return f": {_REMEDIES[key]}" if key in _REMEDIES else ", and this version does not know it"


def _by_pattern(values: Mapping[str, T], module: str, default: T) -> T:
    """As peft.utils.get_pattern_key: the pattern is the whole name, or all of it behind a dot."""
    for pattern, value in values.items():
        if re.fullmatch(rf"(.*\.)?({pattern})", module):
            return value
    return default
