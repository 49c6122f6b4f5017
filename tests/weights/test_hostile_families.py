"""Spoiled files of the other families: SentencePiece models, tokenizers with scores, configs, patterns for modules."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import checkpoints, families, tokenizer_kinds
from support.families import FAMILIES
from support.hostile import survive

from locoman.weights.convert import convert, plan_conversion
from locoman.weights.lora import plan_lora
from locoman.weights.sentencepiece import read_sentencepiece
from locoman.weights.tokenizer import read_tokenizer

PATTERNS = {
    "target_modules": r".*\.(?:self_attn|mlp)\.[a-z_]+_proj",
    "alpha_pattern": {r"layers\.[0-9]+\.mlp\.(gate|up|down)_proj": 2, "(a|b?)*q_proj": 3},
    "rank_pattern": {"o_proj": 4},
}


def test_spoiled_sentencepiece_models(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes((tokenizer_kinds.GOLDEN / "llama.model").read_bytes())
    survive(path, lambda: read_sentencepiece(path), text=False)


@pytest.mark.parametrize("with_model", [False, True])
def test_spoiled_tokenizers_made_from_sentencepiece(tmp_path: Path, with_model: bool) -> None:
    kind = tokenizer_kinds.KINDS["gemma"]
    kind.write(tmp_path, with_model=with_model)
    survive(tmp_path / "tokenizer.json", lambda: read_tokenizer(tmp_path, {}, kind.size()), text=True)


def test_spoiled_settings_of_a_tokenizer_that_has_nothing_else(tmp_path: Path) -> None:
    kind = tokenizer_kinds.KINDS["phi-3"]
    kind.write(tmp_path, with_json=False)
    survive(tmp_path / "tokenizer_config.json", lambda: read_tokenizer(tmp_path, {}, kind.size()), text=True)


@pytest.mark.parametrize("name", ["llama-3.2", "gemma3", "phi3-128k-long"])
def test_spoiled_configs(tmp_path: Path, name: str) -> None:
    folder = families.write_checkpoint(FAMILIES[name], tmp_path)
    survive(folder / "config.json", lambda: plan_conversion(folder, "F16"), text=True)


def test_spoiled_patterns_for_modules(tmp_path: Path) -> None:
    family = FAMILIES["llama"]
    base = families.write_checkpoint(family, tmp_path / "base")
    adapter = checkpoints.write_adapter(tmp_path / "adapter", families.lora_weights(family, {}), **PATTERNS)
    survive(adapter / "adapter_config.json", lambda: plan_lora(adapter, base), text=True)


def test_spoiled_ggufs_whose_heads_are_permuted(tmp_path: Path) -> None:
    family = FAMILIES["llama"]
    base = families.write_checkpoint(family, tmp_path / "base")
    adapter = families.write_adapter(family, "plain", tmp_path / "adapter")
    convert(plan_conversion(base, "Q8_0"), tmp_path / "base.gguf")
    survive(tmp_path / "base.gguf", lambda: plan_lora(adapter, tmp_path / "base.gguf"), text=False, head=9000)
