"""Small Qwen3 checkpoints and PEFT adapters with random weights, made with numpy alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

QWEN2_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FFN = 64, 3, 4, 2, 32, 96
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGED = ("th", "he", "in", "er", "Ġt", "Ġa", "the")
VOCABULARY = 256 + len(MERGED) + len(SPECIAL) + 6  # six ids stay unused, as in padded vocabularies


@dataclass(frozen=True)
class Made:
    """Folders and files: a checkpoint and an adapter, and the GGUF of each."""

    checkpoint: Path
    adapter: Path
    gguf: Path
    lora: Path


def byte_symbols() -> list[str]:
    """The 256 characters that stand for bytes in a byte-level vocabulary, in the order of GPT-2's table."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + place) for place in range(len(hidden))]


def tokenizer_document() -> dict[str, Any]:
    """The content of tokenizer.json."""
    vocab = {token: number for number, token in enumerate([*byte_symbols(), *MERGED])}
    merges = [["t", "h"], ["h", "e"], ["i", "n"], ["e", "r"], ["Ġ", "t"], ["Ġ", "a"], ["th", "e"]]
    split = {"type": "Split", "pattern": {"Regex": QWEN2_REGEX}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": len(vocab) + place, "content": text, "special": True, "normalized": False}
            for place, text in enumerate(SPECIAL)
        ],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    }


def config(*, tied: bool) -> dict[str, Any]:
    """The content of config.json."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "attention_bias": False,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": FFN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "vocab_size": VOCABULARY,
        "eos_token_id": 265,
    }


def weights(*, tied: bool, seed: int = 1) -> dict[str, NDArray[np.float32]]:
    """Random tensors under their Hugging Face names."""
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    def norm(size: int) -> NDArray[np.float32]:
        return (1 + 0.1 * random.standard_normal(size)).astype(np.float32)

    tensors = {"model.embed_tokens.weight": matrix(VOCABULARY, HIDDEN) * 4, "model.norm.weight": norm(HIDDEN)}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        tensors |= {
            f"{prefix}input_layernorm.weight": norm(HIDDEN),
            f"{prefix}self_attn.q_proj.weight": matrix(HEADS * HEAD_DIM, HIDDEN),
            f"{prefix}self_attn.k_proj.weight": matrix(KV_HEADS * HEAD_DIM, HIDDEN),
            f"{prefix}self_attn.v_proj.weight": matrix(KV_HEADS * HEAD_DIM, HIDDEN),
            f"{prefix}self_attn.o_proj.weight": matrix(HIDDEN, HEADS * HEAD_DIM),
            f"{prefix}self_attn.q_norm.weight": norm(HEAD_DIM),
            f"{prefix}self_attn.k_norm.weight": norm(HEAD_DIM),
            f"{prefix}post_attention_layernorm.weight": norm(HIDDEN),
            f"{prefix}mlp.gate_proj.weight": matrix(FFN, HIDDEN),
            f"{prefix}mlp.up_proj.weight": matrix(FFN, HIDDEN),
            f"{prefix}mlp.down_proj.weight": matrix(HIDDEN, FFN),
        }
    if not tied:
        tensors["lm_head.weight"] = matrix(VOCABULARY, HIDDEN)
    return tensors


def write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def write_checkpoint(folder: Path, *, tied: bool = True, seed: int = 1) -> Path:
    """Writes a whole checkpoint in float32; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config(tied=tied))
    write_json(folder / "tokenizer.json", tokenizer_document())
    settings = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": None, "add_bos_token": False}
    write_json(folder / "tokenizer_config.json", settings)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    save_file(weights(tied=tied, seed=seed), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def lora_weights(
    modules: tuple[str, ...] = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"), rank: int = 4, seed: int = 2
) -> dict[str, NDArray[np.float32]]:
    """Random LoRA pairs for every layer, under PEFT's names."""
    random = np.random.default_rng(seed)
    base = weights(tied=True)
    tensors: dict[str, NDArray[np.float32]] = {}
    for layer in range(LAYERS):
        for module in modules:
            name = f"model.layers.{layer}.{module}"
            rows, columns = base[f"{name}.weight"].shape
            tensors[f"base_model.model.{name}.lora_A.weight"] = random.standard_normal((rank, columns)).astype(
                np.float32
            )
            tensors[f"base_model.model.{name}.lora_B.weight"] = random.standard_normal((rows, rank)).astype(np.float32)
    return {name: tensor * np.float32(0.1) for name, tensor in tensors.items()}


def adapter_config(**changes: object) -> dict[str, Any]:
    """The content of adapter_config.json, as PEFT writes it."""
    document: dict[str, Any] = {
        "peft_type": "LORA",
        "peft_version": "0.21.2",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "use_rslora": False,
        "use_dora": False,
        "lora_bias": False,
        "modules_to_save": None,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": ["q_proj", "v_proj", "down_proj"],
        "loftq_config": {},
        "megatron_core": "megatron.core",
    }
    return document | changes


def write_adapter(folder: Path, tensors: dict[str, NDArray[np.float32]] | None = None, **changes: object) -> Path:
    """Writes a PEFT adapter folder; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = lora_weights() if tensors is None else tensors
    modules = sorted({name.split(".")[-3] for name in tensors if ".lora_" in name})
    write_json(folder / "adapter_config.json", adapter_config(**{"target_modules": modules} | changes))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder
