"""Makes a random-weight Qwen3 GGUF of a few hundred kB, and random LoRA adapters for it, within milliseconds.

The tokenizer is byte-level BPE with one token per byte and a single merge (llama.cpp wants one), so every text can be
encoded. The adapters are made strong on purpose: greedy answers with and without one differ from the first token or
two, so that an answer given by the wrong adapter is seen at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TinyShape:
    """Dimensions of the model; `context` is the trained context in tokens."""

    hidden: int = 64
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 16
    feed_forward: int = 128
    context: int = 4096

    def projections(self) -> dict[str, tuple[int, int]]:
        """The linear layers of one block: GGUF name -> (rows, columns), that is (outputs, inputs)."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "attn_q": (query, self.hidden),
            "attn_k": (key, self.hidden),
            "attn_v": (key, self.hidden),
            "attn_output": (self.hidden, query),
            "ffn_gate": (self.feed_forward, self.hidden),
            "ffn_up": (self.feed_forward, self.hidden),
            "ffn_down": (self.hidden, self.feed_forward),
        }


def byte_tokens() -> list[str]:
    """The 256 printable stand-ins of byte-level BPE (GPT-2's table), in byte order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


def write_tiny_base(path: Path, shape: TinyShape = TinyShape(), seed: int = 1) -> Path:
    """Writes the model to `path` in F32 and returns it."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "qwen3")
    writer.add_name("tiny")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer)
    vocabulary = 260
    embedding = rng.standard_normal((vocabulary, shape.hidden)).astype(np.float32)
    writer.add_tensor("token_embd.weight", embedding)
    output = rng.standard_normal((vocabulary, shape.hidden)).astype(np.float32)
    quiet = np.ones(vocabulary, bool)
    quiet[list(b" abcdefghijklmnopqrstuvwxyz")] = False
    output[quiet] *= 0.05  # so that answers are letters and run to their full length
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(shape.hidden, np.float32))
    for block in range(shape.layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{block}.{name}.weight", np.ones(shape.hidden, np.float32))
        for name in ("attn_q_norm", "attn_k_norm"):
            writer.add_tensor(f"blk.{block}.{name}.weight", np.ones(shape.head_dim, np.float32))
        for name, (rows, columns) in shape.projections().items():
            writer.add_tensor(f"blk.{block}.{name}.weight", _matrix(rng, rows, columns, 2.0))
    return _finish(writer, path)


def write_tiny_lora(path: Path, shape: TinyShape = TinyShape(), *, seed: int = 2, size: float = 2.0) -> Path:
    """Writes a random adapter for `write_tiny_base(shape)` whose updates are `size` times as large as the weights."""
    rng = np.random.default_rng(seed)
    rank = 8
    writer = gguf.GGUFWriter(str(path), "qwen3")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for block in range(shape.layers):
        for name, (rows, columns) in shape.projections().items():
            writer.add_tensor(f"blk.{block}.{name}.weight.lora_a", _matrix(rng, rank, columns, 1.0))
            writer.add_tensor(f"blk.{block}.{name}.weight.lora_b", _matrix(rng, rows, rank, size))
    return _finish(writer, path)


def _matrix(rng: np.random.Generator, rows: int, columns: int, size: float) -> Floats:
    return (rng.standard_normal((rows, columns)) * size / np.sqrt(columns)).astype(np.float32)


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    tokens = [*byte_tokens(), "ĠĠ", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    kinds = [gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL] * 3
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ġ Ġ"])
    writer.add_eos_token_id(259)
    writer.add_pad_token_id(257)
    writer.add_add_bos_token(False)


def _finish(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
