"""Models for tests of quantization: the same bytes on every machine, and of the shapes that the mixes look at.

Weights are sums of four uniform numbers from PCG64's raw stream (which numpy keeps stable), so that no libm is involved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from locoman.weights import gguf_values
from locoman.weights.gguf_values import Packed
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.tensor_types import F32, TensorType, quantize_rows


@dataclass(frozen=True, slots=True)
class Shape:
    """Dimensions of a model; `ffn` that is no multiple of 256 makes ffn_down fall back."""

    layers: int = 16
    hidden: int = 256
    ffn: int = 256
    heads: int = 4
    kv_heads: int = 1
    head_dim: int = 64
    vocabulary: int = 96
    tied: bool = True
    architecture: str = "qwen3"
    experts: int = 0

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape in numpy's order."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (self.vocabulary, self.hidden)}
        for layer in range(self.layers):
            block: dict[str, tuple[int, ...]] = {
                "attn_norm": (self.hidden,), "attn_q": (query, self.hidden), "attn_k": (key, self.hidden),
                "attn_v": (key, self.hidden), "attn_output": (self.hidden, query), "ffn_norm": (self.hidden,),
                "ffn_gate": (self.ffn, self.hidden), "ffn_up": (self.ffn, self.hidden),
                "ffn_down": (self.hidden, self.ffn), "attn_q_norm": (self.head_dim,), "attn_k_norm": (self.head_dim,),
            }  # fmt: skip
            if self.architecture != "qwen3":
                del block["attn_q_norm"], block["attn_k_norm"]
            if self.experts:
                for name in ("ffn_gate", "ffn_up", "ffn_down"):
                    block[f"{name}_exps"] = (self.experts, *block.pop(name))
                block["ffn_gate_inp"] = (self.experts, self.hidden)
            shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
        shapes["output_norm.weight"] = (self.hidden,)
        return shapes if self.tied else shapes | {"output.weight": (self.vocabulary, self.hidden)}

    def metadata(self) -> dict[str, Packed]:
        """What llama-quantize asks for."""
        name = self.architecture
        numbers = {
            "block_count": self.layers, "context_length": 128, "embedding_length": self.hidden,
            "feed_forward_length": self.ffn, "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads, "attention.key_length": self.head_dim,
            "attention.value_length": self.head_dim, "vocab_size": self.vocabulary,
        }  # fmt: skip
        if self.experts:
            numbers |= {"expert_count": self.experts, "expert_used_count": 2}
        return {
            "general.architecture": gguf_values.text(name),
            "general.file_type": gguf_values.u32(0),
            **{f"{name}.{key}": gguf_values.u32(value) for key, value in numbers.items()},
            f"{name}.attention.layer_norm_rms_epsilon": gguf_values.f32(1e-6),
            f"{name}.rope.freq_base": gguf_values.f32(10000.0),
            "tokenizer.ggml.tokens": gguf_values.texts([f"t{number}" for number in range(self.vocabulary)]),
        }


def weights(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Numbers around 0 that look normally distributed, the same everywhere."""
    count = int(np.prod(shape))
    raw = np.random.PCG64(seed).random_raw(4 * count).reshape(4, count) >> np.uint64(48)
    sums = raw.astype(np.int64).sum(axis=0) - 2 * 65536
    return (sums.astype(np.float32) / np.float32(1 << 21)).reshape(shape)


def write_model(path: Path, shape: Shape = Shape(), kind: TensorType = F32, seed: int = 1) -> Path:
    """Writes a GGUF whose matrices are stored as `kind`, vectors as F32."""
    tensors = []
    for number, (name, size) in enumerate(shape.tensors().items()):
        values = weights(size, seed * 1000 + number)
        stored = F32 if len(size) == 1 else kind
        packed = quantize_rows(values.reshape(-1, size[-1]), stored)
        tensors.append(NewTensor(name, size, stored, packed.nbytes, lambda p=packed: iter([p])))  # type: ignore[misc]
    write_gguf(path, shape.metadata(), tensors, lambda *_: None)
    return path


def write_imatrix(path: Path, shape: Shape = Shape(), *, leave_out: str = "token_embd", **changes: Packed) -> Path:
    """Writes an importance matrix for every matrix of the model whose name does not contain `leave_out`."""
    metadata: Mapping[str, Packed] = {
        "general.type": gguf_values.text("imatrix"),
        "imatrix.datasets": gguf_values.texts(["some text"]),
        "imatrix.chunk_count": gguf_values.u32(3),
        "imatrix.chunk_size": gguf_values.u32(512),
        **changes,
    }
    tensors = []
    for number, (name, size) in enumerate(shape.tensors().items()):
        if len(size) < 2 or leave_out in name:
            continue
        stacked = size[:-2]  # the last two experts were never asked
        counts = np.array([max(0, 600 - 100 * expert) for expert in range(*(stacked or (1,)))], np.float32)
        sums = (weights((*stacked, size[-1]), 77_000 + number) ** 2 * 600).astype(np.float32)
        for suffix, values in ((".in_sum2", sums), (".counts", counts.reshape(*stacked, 1))):
            data = values.view(np.uint8)
            tensors.append(NewTensor(name + suffix, values.shape, F32, data.nbytes, lambda d=data: iter([d])))  # type: ignore[misc]
    write_gguf(path, metadata, tensors, lambda *_: None)
    return path
