"""Reads PEFT's adapter_config.json: how strong each pair of a LoRA is, and what cannot be carried into a GGUF.

Whatever changes the result and has no place in a LoRA GGUF is refused by name; so is any key that this version does not
know and that is set. The meaning of the keys is that of peft.LoraConfig (0.21).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from locoman.errors import Unsupported
from locoman.weights.files import parse_json, read_json
from locoman.weights.module_pattern import Budget, ModulePattern

_Matcher = Callable[[str], bool]

MAX_CONFIG_BYTES = 4 << 20
MAX_PATTERNS = 4096

_READ = {
    "alpha_pattern", "bias", "init_lora_weights", "lora_alpha", "peft_type", "r", "rank_pattern", "target_modules",
    "use_rslora",
}  # fmt: skip
_ALL_LINEAR = "all-linear"
_WITHOUT_EFFECT = {
    "auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying", "eva_config", "exclude_modules",
    "inference_mode", "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout", "lora_ga_config",
    "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type",
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

_PLAIN_PATTERN = re.compile(r"(?:[\w-]|\.){1,512}")

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
    target_modules: str | list[str] | None = None


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """What scales a LoRA: rank and alpha, with exceptions by module name (the first pattern that fits counts).

    Patterns are matched in bounded time; all methods raise Unsupported when theirs take too long.
    """

    rank: int
    alpha: float
    root_scaling: bool
    ranks: Sequence[tuple[_Matcher, int]]
    alphas: Sequence[tuple[_Matcher, float]]
    targets: _Matcher

    def rank_of(self, module: str) -> int:
        """The rank of a module such as "model.layers.0.self_attn.q_proj"."""
        return next((rank for matches, rank in self.ranks if matches(module)), self.rank)

    def scale_of(self, module: str) -> float:
        """What B A is multiplied by in this module: alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA."""
        rank = self.rank_of(module)
        alpha = next((alpha for matches, alpha in self.alphas if matches(module)), self.alpha)
        return alpha / (math.sqrt(rank) if self.root_scaling else rank)

    def targeted(self, module: str) -> bool:
        """Whether PEFT would put a LoRA on this module; what a file holds for others it never uses."""
        return self.targets(module)


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
    if len(ranks) + len(alphas) > MAX_PATTERNS:
        raise Unsupported(path, f"{len(ranks) + len(alphas)} patterns for modules")
    budget = Budget(path)
    return LoraSettings(
        known.r,
        known.lora_alpha,
        known.use_rslora,
        [(_by_end(pattern, budget), rank) for pattern, rank in ranks.items()],
        [(_by_end(pattern, budget), alpha) for pattern, alpha in alphas.items()],
        _targets(known.target_modules, budget),
    )


def _remedy(key: str) -> str:
    return f": {_REMEDIES[key]}" if key in _REMEDIES else ", and this version does not know it"


def _by_end(pattern: str, budget: Budget) -> _Matcher:
    """As peft.utils.get_pattern_key: the pattern is the whole name, or all of it behind a dot."""
    whole = rf"(.*\.)?({pattern})"
    if _PLAIN_PATTERN.fullmatch(pattern):  # nothing in it repeats, so Python's engine cannot be made to hang
        compiled = re.compile(whole)
        return lambda module: compiled.fullmatch(module) is not None
    return cache(ModulePattern(whole, budget).matches)


def _targets(targets: str | list[str] | None, budget: Budget) -> _Matcher:
    """As peft.tuners.tuners_utils.check_target_module_exists: a list of endings, or a pattern for whole names."""
    if targets is None or targets == _ALL_LINEAR:
        return lambda module: True
    if isinstance(targets, str):
        return cache(ModulePattern(targets, budget).matches)
    names = frozenset(targets)
    return lambda module: any(end in names for end in _endings(module))


def _endings(module: str) -> Iterator[str]:
    """The name, and what stands behind each of its dots."""
    yield module
    while "." in module:
        module = module.partition(".")[2]
        yield module
