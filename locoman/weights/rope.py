"""RoPE scaling: what a config.json asks for, as the factors per frequency and the numbers that llama.cpp reads.

Formulas: transformers' modeling_rope_utils ("llama3", "longrope") and llama.cpp's conversion of the same families.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.transforms import Computed

_PLACES = ("rope_parameters", "rope_scaling")
_LAYER_KINDS = ("full_attention", "sliding_attention")
_SYNONYMS = {"su": "longrope"}


@dataclass(frozen=True, slots=True)
class Rope:
    """`reals` by GGUF key (behind the architecture's name); `tensors` to be written beside the stored ones."""

    reals: Mapping[str, float]
    tensors: tuple[Computed, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The scaling asked for, and what it needs of the model: head size, context, base frequency."""

    settings: Mapping[str, Any]
    head_dim: int
    context: int
    original_context: int
    theta: float
    path: Path

    def positive(self, key: str, default: float | None = None) -> float:
        value = self.settings.get(key, default)
        if value is None:
            raise InvalidFile(self.path, f"the RoPE scaling lacks {key}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e30:
            raise InvalidFile(self.path, f"{key} of the RoPE scaling must be a positive number")
        return float(value)

    def factors(self, key: str) -> NDArray[np.float32]:
        """A list of one positive factor for each pair of a head."""
        values = self.settings.get(key)
        if not isinstance(values, list) or len(values) != self.head_dim // 2:
            raise InvalidFile(self.path, f"{key} of the RoPE scaling must be a list of {self.head_dim // 2} numbers")
        if not all(type(value) in (int, float) and 0 < value < 1e30 for value in values):
            raise InvalidFile(self.path, f"{key} of the RoPE scaling must hold positive numbers")
        return np.array(values, dtype=np.float32)


def read_rope(
    config: Mapping[str, Any],
    known: Sequence[str],
    numbers: Mapping[str, int],
    reals: Mapping[str, float],
    path: Path,
) -> Rope:
    """The scaling in the config.json at `path`; only the kinds in `known` are carried over.

    Raises Unsupported (another kind), InvalidFile.
    """
    for settings in _scalings(config, path):
        kind = settings.get("rope_type") or settings.get("type") or "default"
        kind = _SYNONYMS.get(str(kind), str(kind))
        if kind == "default":
            continue
        if kind not in known:
            raise Unsupported(path, f"RoPE scaling of type {kind[:40]} cannot be converted yet")
        original = numbers.get("original_context", numbers["context"])
        return _KINDS[kind](
            _Asked(settings, numbers["head_dim"], numbers["context"], original, reals["rope_theta"], path)
        )
    return Rope({}, ())


def _scalings(config: Mapping[str, Any], path: Path) -> list[Mapping[str, Any]]:
    """All scalings that a config.json holds: one, or one for each kind of layer."""
    found: list[Mapping[str, Any]] = []
    for place in _PLACES:
        settings = config.get(place) or {}
        nested = [settings[kind] for kind in _LAYER_KINDS if kind in settings] if isinstance(settings, dict) else []
        for one in nested or [settings]:
            if not isinstance(one, dict):
                raise InvalidFile(path, f"{place} must be an object")
            found.append(one)
    return found


def _llama3(asked: _Asked) -> Rope:
    """Low frequencies are slowed down by `factor`, high ones kept, those between blended."""
    factor = asked.positive("factor", 8.0)
    low, high = asked.positive("low_freq_factor", 1.0), asked.positive("high_freq_factor", 4.0)
    old_context = asked.positive("original_max_position_embeddings", 8192)
    if low >= high:
        raise InvalidFile(asked.path, "low_freq_factor of the RoPE scaling must be less than high_freq_factor")
    exponents = np.arange(0, asked.head_dim, 2, dtype=np.float32) / np.float32(asked.head_dim)
    wavelengths = np.float32(2 * math.pi) * np.float32(asked.theta) ** exponents
    smooth = (np.float32(old_context) / wavelengths - np.float32(low)) / np.float32(high - low)
    blended = 1 / ((1 - smooth) / np.float32(factor) + smooth)
    factors = np.where(
        wavelengths < old_context / high, 1.0, np.where(wavelengths > old_context / low, factor, blended)
    )
    return Rope({}, (Computed("rope_freqs.weight", asked.path, factors.astype(np.float32)),))


def _longrope(asked: _Asked) -> Rope:
    """One list of factors for contexts up to the original one, another beyond, and a constant on the attention."""
    stretch = asked.positive("factor", asked.context / asked.original_context)
    default = 1.0
    if stretch > 1:
        if asked.original_context < 2:
            raise InvalidFile(asked.path, "original_max_position_embeddings is too small")
        default = math.sqrt(1 + math.log(stretch) / math.log(asked.original_context))
    tensors = tuple(
        Computed(name, asked.path, asked.factors(key))
        for name, key in (("rope_factors_long.weight", "long_factor"), ("rope_factors_short.weight", "short_factor"))
    )
    return Rope({"rope.scaling.attn_factor": asked.positive("attention_factor", default)}, tensors)


_KINDS: dict[str, Callable[[_Asked], Rope]] = {"llama3": _llama3, "longrope": _longrope}
