"""Answers of loco-tiny and bases made from it, many at a time, in numpy: quick enough to evaluate whole sets in a test.

Qwen3's forward pass with a key-value cache, greedy, for a checkpoint folder or a GGUF. That it says what llama.cpp says is
shown in tests/migration/test_answers.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from support.checkpoints import byte_symbols

from locoman.weights.gguf_model import GgufModel
from locoman.weights.lora_base import read_lora_base
from locoman.weights.peft import read_lora_settings
from locoman.weights.safetensors import open_weights

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
EPSILON, THETA = 1e-6, 10_000.0
LONGEST_ANSWER = 24
_PIECES = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
"""loco-tiny's pre-tokenizer for ASCII, which is all that its evaluation sets hold."""


class Tokens:
    """The byte-level BPE of a tokenizer.json."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text("utf-8"))
        self.ids: dict[str, int] = document["model"]["vocab"]
        self.special = {token["content"]: token["id"] for token in document["added_tokens"]}
        self.ranks = {tuple(merge): rank for rank, merge in enumerate(document["model"]["merges"])}
        self.texts = {number: text for text, number in self.ids.items()}
        shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
        bytes_ = [*shown, *(byte for byte in range(256) if byte not in shown)]
        self.symbols = dict(zip(bytes_, byte_symbols(), strict=True))
        self.bytes = {symbol: byte for byte, symbol in self.symbols.items()}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """The ids of a text with special tokens in it."""
        assert text.isascii()
        parts = re.split("(" + "|".join(map(re.escape, self.special)) + ")", text)
        found: list[int] = []
        for part in parts:
            found += [self.special[part]] if part in self.special else self._encode_plain(part)
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special ones say nothing."""
        symbols = "".join(self.texts[number] for number in ids if number not in self.special.values())
        return bytes(self.bytes[symbol] for symbol in symbols).decode("utf-8", "replace")

    def _encode_plain(self, text: str) -> list[int]:
        found: list[int] = []
        for piece in _PIECES.findall(text):
            if piece not in self._known:
                self._known[piece] = [self.ids[token] for token in self._merge(piece)]
            found += self._known[piece]
        return found

    def _merge(self, piece: str) -> list[str]:
        tokens = [self.symbols[byte] for byte in piece.encode()]
        while len(tokens) > 1:
            ranked = [(self.ranks.get(pair, 1 << 30), place) for place, pair in enumerate(pairwise(tokens))]
            rank, place = min(ranked)
            if rank == 1 << 30:
                break
            tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]
        return tokens


@dataclass(frozen=True)
class TinyModel:
    """Weights under their Hugging Face names, with the folder that holds config.json, tokenizer and template."""

    folder: Path
    weights: Mapping[str, Floats]

    @classmethod
    def of_checkpoint(cls, folder: Path) -> TinyModel:
        """All weights of a checkpoint folder."""
        stored = open_weights(folder)
        return cls(folder, {name: _shaped(tensor.values(), tensor.shape) for name, tensor in stored.items()})

    @classmethod
    def of_gguf(cls, path: Path, folder: Path) -> TinyModel:
        """The weights of a GGUF, as far as its quantization kept them; the rest from the checkpoint in `folder`."""
        with GgufModel.open(path) as model:
            rows = model.tensors
            known = read_lora_base(path).tensors
            found = {source: rows[tensor.target].values(slice(None)).copy() for source, tensor in known.items()}
            return cls(folder, {name: _shaped(value, known[name].shape) for name, value in found.items()})

    def with_adapter(self, folder: Path) -> TinyModel:
        """The model with a PEFT adapter merged into it."""
        settings, stored = read_lora_settings(folder / "adapter_config.json"), open_weights(folder, "adapter_model")
        weights = dict(self.weights)
        for name in (name for name in stored if name.endswith(".lora_A.weight")):
            module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            a, b = stored[name].values(), stored[name.replace("lora_A", "lora_B")].values()
            weights[f"{module}.weight"] = weights[f"{module}.weight"] + np.float32(settings.scale_of(module)) * (b @ a)
        return TinyModel(self.folder, weights)

    @cached_property
    def config(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "config.json").read_text("utf-8")))

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.folder / "tokenizer.json")

    def prompt(self, question: str) -> list[int]:
        """The ids of a question as the chat template writes it."""
        template = jinja2.Template((self.folder / "chat_template.jinja").read_text("utf-8"))
        messages = [{"role": "user", "content": question}]
        return self.tokens.encode(template.render(messages=messages, add_generation_prompt=True))

    def answers(self, questions: Sequence[str]) -> list[str]:
        """Greedy answers."""
        prompts = [self.prompt(question) for question in questions]
        order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
        said: dict[int, str] = {}
        for start in range(0, len(order), 50):
            group = order[start : start + 50]
            for place, ids in zip(group, self._continue([prompts[place] for place in group]), strict=True):
                said[place] = self.tokens.decode(ids)
        return [said[place] for place in range(len(prompts))]

    def _continue(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        width = max(map(len, prompts))
        skipped = np.array([width - len(prompt) for prompt in prompts])
        ids = np.array([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts])
        run = _Run(self.weights, self.config, skipped)
        ends = {0, 2}
        said: list[list[int]] = [[] for _ in prompts]
        going = np.ones(len(prompts), bool)
        for _ in range(LONGEST_ANSWER):
            drawn = run.step(ids).argmax(axis=-1)
            for place in np.flatnonzero(going):
                if drawn[place] in ends:
                    going[place] = False
                else:
                    said[place].append(int(drawn[place]))
            if not going.any():
                break
            ids = drawn[:, None]
        return said


class _Run:
    """A batch of conversations, filled up on the left; keys and values are kept from step to step."""

    def __init__(self, weights: Mapping[str, Floats], config: Mapping[str, Any], skipped: Ids) -> None:
        self.w, self.config, self.skipped = weights, config, skipped
        self.keys: dict[int, Floats] = {}
        self.values: dict[int, Floats] = {}
        self.seen = 0

    def step(self, ids: Ids) -> Floats:
        """Logits (rows x vocabulary) behind the last of `ids` (rows x tokens)."""
        count = ids.shape[1]
        places = self.seen + np.arange(count)
        later = np.arange(self.seen + count)
        seen = (later[None, None, :] <= places[None, :, None]) & (later[None, None, :] >= self.skipped[:, None, None])
        seen |= later[None, None, :] == places[None, :, None]
        hidden = np.where(seen, np.float32(0), np.float32(-np.inf))[:, None]
        angles = (places[None, :] - self.skipped[:, None])[..., None] * THETA ** (
            -np.arange(self.config["head_dim"] // 2) / (self.config["head_dim"] // 2)
        )
        turn = (np.cos(angles)[:, :, None].astype(np.float32), np.sin(angles)[:, :, None].astype(np.float32))
        x = self.w["model.embed_tokens.weight"][ids]
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            x = x + self._attention(layer, _norm(x, self.w[f"{prefix}input_layernorm.weight"]), turn, hidden)
            h = _norm(x, self.w[f"{prefix}post_attention_layernorm.weight"])
            gate = h @ self.w[f"{prefix}mlp.gate_proj.weight"].T
            gate *= h @ self.w[f"{prefix}mlp.up_proj.weight"].T / (1 + np.exp(-gate))
            x = x + gate @ self.w[f"{prefix}mlp.down_proj.weight"].T
        self.seen += count
        last: Floats = _norm(x[:, -1], self.w["model.norm.weight"]) @ self.w["model.embed_tokens.weight"].T
        return last

    def _attention(self, layer: int, x: Floats, turn: tuple[Floats, Floats], hidden: Floats) -> Floats:
        prefix, config = f"model.layers.{layer}.self_attn.", self.config
        rows, count, _ = x.shape
        heads, shared, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]

        def split(name: str, number: int) -> Floats:
            part: Floats = (x @ self.w[f"{prefix}{name}_proj.weight"].T).reshape(rows, count, number, size)
            return part

        q = _turned(_norm(split("q", heads), self.w[f"{prefix}q_norm.weight"]), turn)
        k = _turned(_norm(split("k", shared), self.w[f"{prefix}k_norm.weight"]), turn)
        v = split("v", shared)
        if layer in self.keys:
            k = np.concatenate([self.keys[layer], k], axis=1)
            v = np.concatenate([self.values[layer], v], axis=1)
        self.keys[layer], self.values[layer] = k, v
        group = heads // shared
        q = q.transpose(0, 2, 1, 3)  # rows, heads, tokens, size
        k = np.repeat(k.transpose(0, 2, 3, 1), group, axis=1)
        v = np.repeat(v.transpose(0, 2, 1, 3), group, axis=1)
        scores = q @ k / np.float32(np.sqrt(size)) + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ v).transpose(0, 2, 1, 3).reshape(rows, count, heads * size)
        result: Floats = mixed @ self.w[f"{prefix}o_proj.weight"].T
        return result


def _norm(x: Floats, weight: Floats) -> Floats:
    normed: Floats = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(EPSILON)) * weight
    return normed


def _turned(x: Floats, turn: tuple[Floats, Floats]) -> Floats:
    """Rotary embedding with the two halves of a head as real and imaginary parts."""
    half, (cos, sin) = x.shape[-1] // 2, turn
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _shaped(values: Floats, shape: tuple[int, ...]) -> Floats:
    return np.ascontiguousarray(values.reshape(shape))
