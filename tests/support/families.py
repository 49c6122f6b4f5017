"""Small checkpoints and PEFT adapters of every model family, with weights drawn by numpy alone, the same everywhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from support import checkpoints

Tensors = dict[str, NDArray[np.float32]]

VOCABULARY = 320
POSITIONS = 64
TOKENS = [int(token) for token in np.random.default_rng(3).integers(3, 280, size=POSITIONS)]
WATCHED = tuple(range(0, VOCABULARY, 10))
"""Tokens whose log-probabilities are committed; each depends on all others."""

BLANK = "▁"
_COMMON = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "vocab_size": VOCABULARY,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.02,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
}
_LINEAR = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
_GATED = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
_FUSED = ("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj")


@dataclass(frozen=True)
class Family:
    """A family, or a variant of one: its config.json, its kind of tokenizer, the modules a LoRA may be on."""

    name: str
    config: Mapping[str, Any]
    tokenizer: str = "bpe"
    modules: tuple[str, ...] = (*_LINEAR, *_GATED)

    @property
    def gemma(self) -> bool:
        return self.name.startswith("gemma")

    @property
    def head_dim(self) -> int:
        return int(self.config.get("head_dim") or self.config["hidden_size"] // self.config["num_attention_heads"])


def _family(name: str, kind: str, model: str, layers: int = 3, tokenizer: str = "bpe", **more: Any) -> Family:
    config = _COMMON | {"architectures": [kind], "model_type": model, "num_hidden_layers": layers} | more
    gemma = model.startswith("gemma")
    config["hidden_activation" if gemma else "hidden_act"] = "gelu_pytorch_tanh" if gemma else "silu"
    return Family(name, config, tokenizer, _FUSED if model == "phi3" else (*_LINEAR, *_GATED))


_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
_LONGROPE = {
    "type": "longrope",
    "short_factor": [1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6],
    "long_factor": [1.2, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0],
}
_GEMMA = {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 16, "tie_word_embeddings": True}

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _family("qwen3", "Qwen3ForCausalLM", "qwen3", head_dim=32, tie_word_embeddings=True, rope_theta=1e6),
        _family(
            "qwen2", "Qwen2ForCausalLM", "qwen2", tie_word_embeddings=True, rope_theta=1e6, use_sliding_window=False
        ),
        _family("qwen2-untied", "Qwen2ForCausalLM", "qwen2", tie_word_embeddings=False, rope_theta=1e6),
        _family("llama", "LlamaForCausalLM", "llama", tie_word_embeddings=False, rope_theta=10000.0, mlp_bias=False),
        _family(
            "llama-3.2",
            "LlamaForCausalLM",
            "llama",
            head_dim=32,
            tie_word_embeddings=True,
            rope_theta=10000.0,
            rope_scaling=_LLAMA3_ROPE,
        ),
        _family(
            "mistral",
            "MistralForCausalLM",
            "mistral",
            tokenizer="sentencepiece",
            tie_word_embeddings=False,
            rope_theta=1e6,
            sliding_window=None,
        ),
        _family(
            "gemma2",
            "Gemma2ForCausalLM",
            "gemma2",
            layers=4,
            tokenizer="sentencepiece",
            attn_logit_softcapping=50.0,
            final_logit_softcapping=30.0,
            **_GEMMA,
        ),
        _family(
            "gemma3",
            "Gemma3ForCausalLM",
            "gemma3_text",
            layers=7,
            tokenizer="sentencepiece",
            sliding_window_pattern=6,
            rope_theta=1e6,
            rope_local_base_freq=10000.0,
            attn_logit_softcapping=None,
            final_logit_softcapping=None,
            **_GEMMA,
        ),
        _family(
            "phi3",
            "Phi3ForCausalLM",
            "phi3",
            tokenizer="sentencepiece",
            tie_word_embeddings=False,
            original_max_position_embeddings=512,
            sliding_window=2047,
        ),
        _family(
            "phi3-128k-short",
            "Phi3ForCausalLM",
            "phi3",
            tokenizer="sentencepiece",
            tie_word_embeddings=False,
            max_position_embeddings=4096,
            original_max_position_embeddings=512,
            sliding_window=4096,
            rope_scaling=_LONGROPE,
        ),
        _family(
            "phi3-128k-long",
            "Phi3ForCausalLM",
            "phi3",
            tokenizer="sentencepiece",
            tie_word_embeddings=False,
            original_max_position_embeddings=32,
            sliding_window=4096,
            rope_scaling=_LONGROPE,
        ),
    )
}

LORAS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rank-stabilised": {"use_rslora": True, "rank_pattern": {"o_proj": 8}},
    "alpha-pattern": {"alpha_pattern": {"down_proj": 24, r"model\.layers\.[01]\.self_attn\.(q|qkv)_proj": 2}},
}
"""What adapter_config.json says beside rank 4 and alpha 8."""


def weights(family: Family, seed: int = 1) -> Tensors:
    """Random tensors under their Hugging Face names."""
    random = np.random.default_rng([seed, *family.name.encode()])
    config, head_dim = family.config, family.head_dim
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    q, kv = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    def norm(size: int) -> NDArray[np.float32]:
        return ((not family.gemma) + 0.1 * random.standard_normal(size)).astype(np.float32)

    vocabulary = config["vocab_size"]
    embedding = matrix(vocabulary, hidden) * (0.25 if family.gemma else 4)
    tensors: Tensors = {"model.embed_tokens.weight": embedding, "model.norm.weight": norm(hidden)}
    for layer in range(config["num_hidden_layers"]):
        shapes = {
            "self_attn.q_proj": (q, hidden),
            "self_attn.k_proj": (kv, hidden),
            "self_attn.v_proj": (kv, hidden),
            "self_attn.qkv_proj": (q + 2 * kv, hidden),
            "self_attn.o_proj": (hidden, q),
            "mlp.gate_proj": (ffn, hidden),
            "mlp.up_proj": (ffn, hidden),
            "mlp.gate_up_proj": (2 * ffn, hidden),
            "mlp.down_proj": (hidden, ffn),
        }
        named = {f"{module}.weight": matrix(*shapes[module]) for module in family.modules}
        norms = ["input_layernorm", "post_attention_layernorm"]
        if family.gemma:
            norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
        named |= {f"{name}.weight": norm(hidden) for name in norms}
        if config["model_type"] in ("qwen3", "gemma3_text"):
            named |= {f"self_attn.{name}.weight": norm(head_dim) for name in ("q_norm", "k_norm")}
        if config["model_type"] == "qwen2":
            for module in _LINEAR[:3]:
                named[f"{module}.bias"] = random.standard_normal(shapes[module][0]).astype(np.float32)
        tensors |= {f"model.layers.{layer}.{name}": tensor for name, tensor in named.items()}
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = matrix(vocabulary, hidden)
    return tensors


def lora_weights(family: Family, ranks: Mapping[str, int], seed: int = 2) -> Tensors:
    """Random pairs on every module of every layer, under PEFT's names; `ranks` by last name, else 4."""
    random = np.random.default_rng([seed, *family.name.encode()])
    tensors: Tensors = {}
    for name, tensor in weights(family).items():
        module = name.removesuffix(".weight")
        if not module.endswith(family.modules):
            continue
        rank = ranks.get(module.rpartition(".")[2], 4)
        for half, shape in (("A", (rank, tensor.shape[1])), ("B", (tensor.shape[0], rank))):
            values = (0.1 * random.standard_normal(shape)).astype(np.float32)
            tensors[f"base_model.model.{module}.lora_{half}.weight"] = values
    return tensors


def write_checkpoint(family: Family, folder: Path, seed: int = 1) -> Path:
    """Writes a whole checkpoint in float32; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write_json(folder / "config.json", family.config)
    save_file(weights(family, seed), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "chat_template.jinja").write_text(checkpoints.TEMPLATE, encoding="utf-8")
    if family.tokenizer == "bpe":
        checkpoints.write_json(folder / "tokenizer.json", checkpoints.tokenizer_document())
        checkpoints.write_json(folder / "tokenizer_config.json", {"eos_token": "<|im_end|>"})
    else:
        (folder / "tokenizer.model").write_bytes(sentencepiece_model(sentencepiece_pieces(), prefix=not family.gemma))
        checkpoints.write_json(folder / "tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>"})
    return folder


def write_adapter(family: Family, lora: str, folder: Path) -> Path:
    """Writes one of LORAS as a PEFT adapter; returns `folder`."""
    settings = LORAS[lora]
    modules = sorted({module.rpartition(".")[2] for module in family.modules})
    tensors = lora_weights(family, settings.get("rank_pattern", {}))
    return checkpoints.write_adapter(folder, tensors, target_modules=modules, **settings)


Piece = tuple[str, float, int]
"""Text, score and type (1 normal, 2 unknown, 3 control, 4 user defined, 6 byte)."""


def sentencepiece_pieces() -> list[Piece]:
    """A small vocabulary with byte fallback: 3 + 256 + letters + a few merges."""
    merged = [BLANK + "t", "he", "in", BLANK + "a", "er", BLANK + "the"]
    letters = [BLANK, *"etaoinshrdlucmfwypvbgkjqxz"]
    pieces: list[Piece] = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    pieces += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    return pieces + [(text, float(-rank), 1) for rank, text in enumerate([*merged, *letters])]


def sentencepiece_model(pieces: Sequence[Piece], *, prefix: bool, model_type: int = 2, extra: bytes = b"") -> bytes:
    """A tokenizer.model: the protobuf message of SentencePiece, with the fields that matter."""
    message = b""
    for text, score, kind in pieces:
        encoded = text.encode()
        piece = b"\x0a" + _varint(len(encoded)) + encoded + b"\x15" + struct.pack("<f", score) + b"\x18" + _varint(kind)
        message += b"\x0a" + _varint(len(piece)) + piece
    trainer = b"\x18" + _varint(model_type)
    normalizer = b"\x0a\x08identity" + b"\x18" + _varint(prefix) + b"\x20\x00" + b"\x28\x01" + extra
    for tag, part in ((b"\x12", trainer), (b"\x1a", normalizer)):
        message += tag + _varint(len(part)) + part
    return message


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


Judge = Callable[[Path, Sequence[Path]], list[NDArray[np.float64]]]
"""Gives, for a checkpoint alone and then with each adapter, the log-probabilities (positions x vocabulary)."""


def ask_transformers(checkpoint: Path, adapters: Sequence[Path]) -> list[NDArray[np.float64]]:
    """The judge that the committed values come from: torch in float32, with PEFT."""
    import peft
    import torch
    import transformers

    def answer(model: Any) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = model(torch.tensor([TOKENS])).logits[0].double()
        result: NDArray[np.float64] = torch.log_softmax(logits, dim=-1).numpy()
        return result

    def load() -> Any:
        return transformers.AutoModelForCausalLM.from_pretrained(
            checkpoint, dtype=torch.float32, attn_implementation="eager"
        ).eval()

    return [answer(load())] + [answer(peft.PeftModel.from_pretrained(load(), adapter)) for adapter in adapters]
