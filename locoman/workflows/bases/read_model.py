"""What the files of a checkpoint tell of a model, weights unread: size, context, tokens, template, licence, kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from locoman.catalog.model_card import card_licence
from locoman.catalog.spec import Parameters
from locoman.evaluation.selection.detect import CONVERSATION, Signal, by_end_of_turn, by_template
from locoman.ollama.render_jinja import render_jinja
from locoman.weights.checkpoint import MAX_CONFIG_BYTES
from locoman.weights.files import read_json
from locoman.weights.model_config import Model, read_model
from locoman.weights.tokenizer import Tokenizer, read_tokenizer

GENERATION = "generation_config.json"
RUNTIME_BYTES = 200_000_000
BUFFER_SHARE = 0.08
"""Beside weights and KV cache: measured on loco-tiny 200 MB in all, on Qwen3-4B 0.4 GB."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`ends` are the tokens at which generation ends, the first the tokenizer's own; `licence` "" where nothing tells it."""

    model: Model
    parameters: int
    template: str
    ends: tuple[str, ...]
    sampling: Parameters
    licence: str
    signals: tuple[Signal, ...]

    @property
    def longest_context(self) -> int:
        """Tokens that it was trained for."""
        return self.model.numbers["context"]

    def memory(self, file_bytes: int, context: int) -> int:
        """Bytes while it answers: the file, the KV cache in 16 bits, the runtime."""
        numbers = self.model.numbers
        cache = 2 * 2 * numbers["layers"] * numbers["kv_heads"] * numbers["head_dim"] * context
        return round(file_bytes * (1 + BUFFER_SHARE)) + cache + RUNTIME_BYTES


def read_facts(folder: Path) -> ModelFacts:
    """Raises InvalidFile (no config.json, no tokenizer, or broken ones), Unsupported (an architecture by name), StoreError."""
    path = folder / "config.json"
    config = read_json(path, dict[str, Any], MAX_CONFIG_BYTES)
    model = read_model(config, path)
    tokenizer = read_tokenizer(folder, config, model.numbers["vocabulary"], model.architecture.tokenizers)
    generation = _generation(folder)
    template, ends = tokenizer.chat_template or "", _ends(tokenizer, config, generation)
    signals = [by_template(template)]
    if template.strip():
        rendered = render_jinja(template, [CONVERSATION], ends[0] if ends else "")
        signals.append(by_end_of_turn(rendered[0].whole if rendered else None, ends))
    return ModelFacts(
        model,
        sum(math.prod(tensor.shape) for tensor in model.tensors(tied=bool(model.tied))),
        template,
        ends,
        _sampling(generation),
        card_licence(folder / "README.md"),
        tuple(signals),
    )


def _generation(folder: Path) -> Mapping[str, Any]:
    path = folder / GENERATION
    return read_json(path, dict[str, Any], MAX_CONFIG_BYTES) if path.exists() else {}


def _ends(tokenizer: Tokenizer, config: Mapping[str, Any], generation: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = [tokenizer.special.get("eos"), *_numbers(config), *_numbers(generation)]
    known = (number for number in numbers if isinstance(number, int) and 0 <= number < len(tokenizer.tokens))
    return tuple(dict.fromkeys(tokenizer.tokens[number] for number in known))


def _numbers(settings: Mapping[str, Any]) -> list[Any]:
    value = settings.get("eos_token_id")
    return value if isinstance(value, list) else [value]


def _sampling(generation: Mapping[str, Any]) -> Parameters:
    """As the makers recommend, where that is sensible."""
    found = Parameters()
    if generation.get("do_sample") is False:
        return structs.replace(found, temperature=0.0, top_k=1)
    ranges = {"temperature": (0.0, 5.0), "top_p": (0.01, 1.0), "top_k": (0, 1000)}
    for key, (least, most) in ranges.items():
        value = generation.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            found = structs.replace(found, **{key: int(value) if key == "top_k" else float(value)})
    return found
