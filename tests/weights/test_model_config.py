from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import families
from support.families import FAMILIES

from locoman.errors import InvalidFile, LocomanError, Unsupported
from locoman.weights.architecture import load_architecture, recognise
from locoman.weights.checkpoint import open_checkpoint
from locoman.weights.model_config import Model, read_model
from locoman.weights.transforms import Computed, Reordered, Shifted, add_one, pair_rotary_rows

PATH = Path("config.json")


def read(family: str, **changes: Any) -> Model:
    return read_model({**FAMILIES[family].config, **changes}, PATH)


def test_defaults_are_those_of_transformers() -> None:
    without = {key: value for key, value in FAMILIES["llama"].config.items() if key != "num_key_value_heads"}
    model = read_model(without, PATH)
    assert model.numbers["kv_heads"] == model.numbers["heads"] == 4
    assert model.numbers["head_dim"] == 16
    assert read("gemma3", max_position_embeddings=None).numbers["context"] == 131072
    assert read("phi3", sliding_window=None).numbers["sliding_window"] == 0


def test_base_frequencies_are_found_where_newer_configs_keep_them() -> None:
    rope = {
        "full_attention": {"rope_type": "default", "rope_theta": 5e5},
        "sliding_attention": {"rope_type": "default", "rope_theta": 7e3},
    }
    reals = read("gemma3", rope_theta=None, rope_local_base_freq=None, rope_parameters=rope).reals
    assert (reals["rope_theta"], reals["local_theta"]) == (5e5, 7e3)


def test_factors_of_frequencies_follow_llama_3() -> None:
    (factors,) = read("llama-3.2").rope.tensors
    assert factors.name == "rope_freqs.weight"
    assert factors.shape == (16,)
    assert factors.vector[0] == 1.0  # wave length 2 pi, below 32 / 4
    assert factors.vector[-1] == 8.0
    assert ((factors.vector > 1) & (factors.vector < 8)).any()


def test_longrope_has_two_lists_and_a_constant() -> None:
    rope = read("phi3-128k-long").rope
    assert [tensor.name for tensor in rope.tensors] == ["rope_factors_long.weight", "rope_factors_short.weight"]
    assert rope.reals["rope.scaling.attn_factor"] == pytest.approx(np.sqrt(1 + np.log(512 / 32) / np.log(32)))
    assert read("phi3").rope.tensors == ()


@pytest.mark.parametrize(
    ("family", "changes", "words"),
    [
        ("llama", {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "type yarn"),
        ("gemma3", {"rope_scaling": {"rope_type": "linear", "factor": 8.0}}, "type linear"),
        ("llama", {"attention_bias": True}, "attention_bias = True"),
        ("llama", {"pretraining_tp": 2}, "pretraining_tp = 2"),
        ("mistral", {"sliding_window": 4096}, "sliding_window = 4096"),
        ("gemma2", {"query_pre_attn_scalar": 144}, "query_pre_attn_scalar = 144"),
        ("gemma2", {"final_logit_softcapping": None}, "final_logit_softcapping switched off"),
        ("gemma2", {"tie_word_embeddings": False}, "tie_word_embeddings = False"),
        ("gemma2", {"layer_types": ["full_attention"] * 4}, "layer_types"),
        ("gemma3", {"sliding_window_pattern": 3}, "sliding_window_pattern = 3"),
        ("gemma3", {"attn_logit_softcapping": 50.0}, "attn_logit_softcapping = 50"),
        ("phi3", {"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5"),
        ("phi3", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor = 0.5"),
        ("qwen2", {"use_sliding_window": True}, "use_sliding_window = True"),
        ("gemma3", {"architectures": ["Gemma3ForConditionalGeneration"]}, "Gemma3ForConditionalGeneration"),
    ],
)
def test_what_llama_cpp_would_not_honour_is_refused_by_name(family: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        read(family, **changes)


LONGROPE = FAMILIES["phi3-128k-long"].config["rope_scaling"]
LLAMA3 = FAMILIES["llama-3.2"].config["rope_scaling"]


@pytest.mark.parametrize(
    ("family", "changes", "words"),
    [
        ("llama", {"num_attention_heads": 7}, "head_dim must be a whole number"),
        ("llama", {"head_dim": 33}, "an odd head size"),
        ("phi3", {"rope_scaling": LONGROPE | {"long_factor": [1.0]}}, "a list of 8 numbers"),
        ("phi3", {"rope_scaling": LONGROPE | {"short_factor": [True] * 8}}, "positive numbers"),
        ("phi3", {"rope_scaling": {"type": "longrope"}}, "long_factor"),
        ("phi3", {"rope_scaling": LONGROPE, "original_max_position_embeddings": 1}, "too small"),
        ("llama-3.2", {"rope_scaling": LLAMA3 | {"factor": 0}}, "factor of the RoPE scaling must be"),
        ("llama-3.2", {"rope_scaling": LLAMA3 | {"low_freq_factor": 4.0}}, "low_freq_factor"),
        ("llama-3.2", {"rope_scaling": LLAMA3 | {"factor": "big"}}, "factor of the RoPE scaling must be"),
        ("gemma3", {"rope_parameters": {"full_attention": 3}}, "must be an object"),
    ],
)
def test_a_config_that_cannot_be_true_is_refused(family: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        read(family, **changes)


def test_layer_types_may_say_what_llama_cpp_does() -> None:
    kinds = ["full_attention" if layer == 5 else "sliding_attention" for layer in range(7)]
    assert read("gemma3", layer_types=kinds).numbers["layers"] == 7


def test_no_config_ends_in_anything_but_an_error_of_ours() -> None:
    odd: list[Any] = [None, True, -1, 0, 0.5, 1e300, float("nan"), "x", [], {}, [1], {"a": 1}, 1 << 80, [[]]]
    for family in FAMILIES.values():
        for key in (*family.config, "rope_parameters", "rope_scaling", "layer_types", "head_dim"):
            for value in odd:
                try:
                    model = read_model({**family.config, key: value}, PATH)
                    list(model.tensors(tied=True))
                    model.metadata()
                except LocomanError as error:
                    assert len(str(error)) < 1000


def test_buffers_of_old_checkpoints_are_passed_over(tmp_path: Path) -> None:
    folder = families.write_checkpoint(FAMILIES["llama"], tmp_path)
    path = folder / "model.safetensors"
    buffer = {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(8, np.float32)}
    save_file(load_file(path) | buffer, path)
    assert "blk.0.attn_q.weight" in {tensor.target for tensor in open_checkpoint(folder).tensors}


def test_a_family_is_known_by_its_model_type_where_no_class_is_named() -> None:
    assert recognise({"model_type": "mistral"}, PATH) is load_architecture("llama")


def test_rows_of_a_head_are_paired() -> None:
    source = Computed("x", PATH, np.arange(16, dtype=np.float32))
    matrix = _Rows(np.arange(16, dtype=np.float32).reshape(8, 2))
    paired = pair_rotary_rows(matrix, 2)
    assert isinstance(paired, Reordered)
    assert paired.values()[:, 0].tolist() == [0, 4, 2, 6, 8, 12, 10, 14]
    assert paired.values([1, 4])[:, 0].tolist() == [4, 8]
    assert paired.values(slice(2, 4))[:, 0].tolist() == [2, 6]
    assert isinstance(add_one(source, 1), Shifted)
    assert add_one(source, 1).values()[0, :2].tolist() == [1, 2]


class _Rows(Computed):
    """A matrix in memory."""

    @property
    def rows(self) -> int:
        return len(self.vector)

    def __init__(self, matrix: Any) -> None:
        super().__init__("x", PATH, matrix)

    def values(self, rows: slice | list[int] = slice(None)) -> Any:
        return self.vector[rows]
