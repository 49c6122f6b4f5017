"""Qwen3's forward pass in float64, written from its definition: the reference that needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
EPSILON = 1e-6
THETA = 10_000.0


@dataclass(frozen=True)
class Shape:
    """What the tensors' shapes do not tell."""

    layers: int
    heads: int
    kv_heads: int
    head_dim: int


def log_probabilities(tensors: Mapping[str, Array], shape: Shape, tokens: Sequence[int]) -> Array:
    """Log-probabilities of the next token after each position (positions x vocabulary)."""
    w = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    x = w["model.embed_tokens.weight"][list(tokens)]
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        x = x + _attention(_norm(x, w[f"{prefix}input_layernorm.weight"]), w, f"{prefix}self_attn.", shape)
        h = _norm(x, w[f"{prefix}post_attention_layernorm.weight"])
        gate = h @ w[f"{prefix}mlp.gate_proj.weight"].T
        up = h @ w[f"{prefix}mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[f"{prefix}mlp.down_proj.weight"].T
    output = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    logits = _norm(x, w["model.norm.weight"]) @ output.T
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def add_lora(
    base: Mapping[str, Array], lora: Mapping[str, Array], scale: float | Mapping[str, float]
) -> dict[str, Array]:
    """The base with scale * B A added; `scale` may differ by the module's last name ("q_proj")."""
    merged = {name: tensor.astype(np.float64) for name, tensor in base.items()}
    for name in (name for name in lora if name.endswith(".lora_A.weight")):
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        a, b = lora[name].astype(np.float64), lora[name.replace("lora_A", "lora_B")].astype(np.float64)
        factor = scale if isinstance(scale, int | float) else scale[module.rpartition(".")[2]]
        merged[f"{module}.weight"] += factor * (b @ a)
    return merged


def _norm(x: Array, weight: Array) -> Array:
    normed: Array = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON) * weight
    return normed


def _attention(x: Array, w: Mapping[str, Array], prefix: str, shape: Shape) -> Array:
    count = len(x)

    def heads(name: str, number: int) -> Array:
        return (x @ w[f"{prefix}{name}_proj.weight"].T).reshape(count, number, shape.head_dim)

    q = _rotate(_norm(heads("q", shape.heads), w[f"{prefix}q_norm.weight"]))
    k = _rotate(_norm(heads("k", shape.kv_heads), w[f"{prefix}k_norm.weight"]))
    group = shape.heads // shape.kv_heads
    k, v = np.repeat(k, group, axis=1), np.repeat(heads("v", shape.kv_heads), group, axis=1)
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(shape.head_dim)
    scores = np.where(np.tril(np.ones((count, count), bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed = np.einsum("hqk,khd->qhd", weights, v).reshape(count, -1)
    result: Array = mixed @ w[f"{prefix}o_proj.weight"].T
    return result


def _rotate(x: Array) -> Array:
    """Rotary embedding with the two halves of a head as real and imaginary parts."""
    half = x.shape[-1] // 2
    angles = np.arange(len(x))[:, None] * THETA ** (-np.arange(half) / half)
    cos, sin = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
