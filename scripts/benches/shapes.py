"""Random checkpoints and adapters of given dimensions, made in little time and memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import numpy as np
from support import checkpoints

SHARD_BYTES = 4 << 30
_POOL = 1 << 24


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Dimensions of a Qwen3 model with tied embeddings."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int

    def config(self) -> dict[str, object]:
        """Its config.json."""
        return checkpoints.config(tied=True) | {
            "hidden_size": self.hidden, "num_hidden_layers": self.layers, "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads, "head_dim": self.head_dim, "intermediate_size": self.ffn,
            "vocab_size": self.vocabulary, "max_position_embeddings": 4096, "torch_dtype": "bfloat16",
        }  # fmt: skip

    def modules(self) -> dict[str, tuple[int, int]]:
        """The linear layers of a block: name -> (rows, columns)."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "self_attn.q_proj": (query, self.hidden), "self_attn.k_proj": (key, self.hidden),
            "self_attn.v_proj": (key, self.hidden), "self_attn.o_proj": (self.hidden, query),
            "mlp.gate_proj": (self.ffn, self.hidden), "mlp.up_proj": (self.ffn, self.hidden),
            "mlp.down_proj": (self.hidden, self.ffn),
        }  # fmt: skip

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """(name, shape) of every tensor."""
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden)
        for layer in range(self.layers):
            prefix = f"model.layers.{layer}."
            yield f"{prefix}input_layernorm.weight", (self.hidden,)
            yield f"{prefix}post_attention_layernorm.weight", (self.hidden,)
            yield f"{prefix}self_attn.q_norm.weight", (self.head_dim,)
            yield f"{prefix}self_attn.k_norm.weight", (self.head_dim,)
            for name, shape in self.modules().items():
                yield f"{prefix}{name}.weight", shape
        yield "model.norm.weight", (self.hidden,)

    def lora_tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """(name, shape) of a rank-16 LoRA on the four attention matrices of each layer."""
        modules = {name: size for name, size in self.modules().items() if name.startswith("self_attn.")}
        for layer in range(self.layers):
            for name, (rows, columns) in modules.items():
                prefix = f"base_model.model.model.layers.{layer}.{name}"
                yield f"{prefix}.lora_A.weight", (16, columns)
                yield f"{prefix}.lora_B.weight", (rows, 16)


SHAPES: dict[str, ModelShape] = {
    "tiny": ModelShape(256, 4, 4, 2, 64, 768, 2048),
    "qwen3-0.6b": ModelShape(1024, 28, 16, 8, 128, 3072, 151_936),
    "qwen3-4b": ModelShape(2560, 36, 32, 8, 128, 9728, 151_936),
}


def write_description(folder: Path, shape: ModelShape) -> None:
    """config.json and a byte-level BPE tokenizer with as many tokens as the model has rows."""
    folder.mkdir(parents=True)
    checkpoints.write_json(folder / "config.json", shape.config())
    document = checkpoints.tokenizer_document()
    vocabulary, merges = document["model"]["vocab"], document["model"]["merges"]
    taken = len(vocabulary) + len(document["added_tokens"])
    symbols = checkpoints.byte_symbols()
    pairs = [(a, b) for a, b in product(symbols, symbols) if a + b not in vocabulary]
    triples = ((a + b, c) for (a, b), c in product(pairs, symbols) if a + b + c not in vocabulary)
    for number, (left, right) in enumerate(
        islice((pair for part in (pairs, triples) for pair in part), shape.vocabulary)
    ):
        if taken + number >= shape.vocabulary:
            break
        vocabulary[left + right] = taken + number
        merges.append([left, right])
    unused = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}  # transformers wants them
    document["added_tokens"] = [unused | token for token in document["added_tokens"]]
    checkpoints.write_json(folder / "tokenizer.json", document)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    checkpoints.write_json(folder / "tokenizer_config.json", settings)
    (folder / "chat_template.jinja").write_text(checkpoints.TEMPLATE, encoding="utf-8")


def write_checkpoint(folder: Path, shape: ModelShape, seed: int) -> list[Path]:
    """A whole checkpoint in bf16, in shards with an index; returns the weight files."""
    write_description(folder, shape)
    shards: list[list[tuple[str, tuple[int, ...]]]] = [[]]
    size = 0
    for name, dimensions in shape.tensors():
        length = 2 * int(np.prod(dimensions))
        if size + length > SHARD_BYTES and shards[-1]:
            shards.append([])
            size = 0
        shards[-1].append((name, dimensions))
        size += length
    random = np.random.default_rng(seed)
    pool = _bf16(random.standard_normal(_POOL, dtype=np.float32) * np.float32(0.02))
    paths, where = [], {}
    for number, tensors in enumerate(shards, start=1):
        path = folder / f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        _write_shard(path, tensors, pool, random)
        paths.append(path)
        where |= {name: path.name for name, _ in tensors}
    checkpoints.write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": where})
    return paths


def hollow_tensors(path: Path, tensors: Iterable[tuple[str, tuple[int, ...]]]) -> None:
    """A safetensors file in bf16 whose weights are a hole in the file: zeros that take no room."""
    header: dict[str, object] = {}
    end = 0
    for name, dimensions in tensors:
        start, end = end, end + 2 * int(np.prod(dimensions))
        header[name] = {"dtype": "BF16", "shape": list(dimensions), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def write_adapter(folder: Path, shape: ModelShape, seed: int) -> Path:
    """A rank-16 LoRA in bf16 on the four attention matrices of each layer."""
    tensors = list(shape.lora_tensors())
    folder.mkdir(parents=True)
    targets = sorted({name.split(".")[-3] for name, _ in tensors})
    settings = checkpoints.adapter_config(r=16, lora_alpha=32, target_modules=targets)
    checkpoints.write_json(folder / "adapter_config.json", settings)
    random = np.random.default_rng(seed)
    pool = _bf16(random.standard_normal(_POOL, dtype=np.float32) * np.float32(0.02))
    path = folder / "adapter_model.safetensors"
    _write_shard(path, tensors, pool, random)
    return path


def _bf16(values: np.ndarray) -> np.ndarray:
    return (values.view(np.uint32) >> 16).astype("<u2")


def _write_shard(
    path: Path, tensors: list[tuple[str, tuple[int, ...]]], pool: np.ndarray, random: np.random.Generator
) -> None:
    """Values are taken from the pool, each tensor from another place on."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, dimensions in tensors:
        start, end = end, end + 2 * int(np.prod(dimensions))
        header[name] = {"dtype": "BF16", "shape": list(dimensions), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    ones = _bf16(np.ones(1 << 14, np.float32))
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, dimensions in tensors:
            left = int(np.prod(dimensions))
            source = ones if len(dimensions) == 1 else pool
            place = int(random.integers(0, _POOL)) if source is pool else 0
            while left:
                piece = source[place : place + left]
                file.write(piece.data)
                left -= len(piece)
                place = 0
