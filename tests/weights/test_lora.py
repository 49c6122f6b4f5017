from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import checkpoints
from support.checkpoints import Made

from locoman.errors import InvalidFile, LocomanError, Unsupported, UsageError, WrongBase
from locoman.weights import gguf_values
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.lora import check_lora_gguf, convert_lora, plan_lora
from locoman.weights.tensor_types import F32

PREFIX = "base_model.model.model.layers"


def refused(folder: Path, base: Path, words: str, kind: type[LocomanError] = Unsupported) -> None:
    with pytest.raises(kind, match=words):
        plan_lora(folder, base)


def adapter(folder: Path, changes: dict[str, Any] | None = None, **config: Any) -> Path:
    """An adapter with some tensors replaced; None takes one away."""
    tensors = checkpoints.lora_weights() | (changes or {})
    return checkpoints.write_adapter(folder, {n: t for n, t in tensors.items() if t is not None}, **config)


def test_a_lora_is_written_as_llama_cpp_reads_it(made: Made) -> None:
    with GgufFile.open(made.lora) as file:
        read = {key: value for key, value in file.metadata.items() if key != "general.quantization_version"}
        assert read == {
            "general.architecture": "qwen3",
            "general.type": "adapter",
            "general.name": "adapter",
            "general.file_type": 1,
            "adapter.type": "lora",
            "adapter.lora.alpha": 8.0,
        }
        assert len(file.tensors) == 2 * 3 * checkpoints.LAYERS
        a = file.tensors["blk.1.attn_v.weight.lora_a"]
        expected = checkpoints.lora_weights()[f"{PREFIX}.1.self_attn.v_proj.lora_A.weight"].astype(np.float16)
        assert file.raw(a).tobytes() == expected.tobytes()
    check_lora_gguf(made.lora, made.gguf)


def test_a_checkpoint_serves_as_base_as_well_as_its_gguf(made: Made) -> None:
    assert plan_lora(made.adapter, made.checkpoint) == plan_lora(made.adapter, made.gguf)


def test_a_scale_that_all_modules_share_becomes_the_alpha(made: Made, tmp_path: Path) -> None:
    plan = plan_lora(adapter(tmp_path / "a", use_rslora=True), made.gguf)
    assert plan.alpha == pytest.approx(8 * 2)  # alpha / sqrt(4) = 16 / 4
    assert {pair.factor for pair in plan.pairs} == {1.0}


def test_other_scales_are_folded_into_b(made: Made, tmp_path: Path) -> None:
    ranked = {f"{PREFIX}.0.mlp.down_proj.lora_A.weight": np.ones((2, 96), np.float32)}
    ranked |= {f"{PREFIX}.0.mlp.down_proj.lora_B.weight": np.ones((64, 2), np.float32)}
    folder = adapter(
        tmp_path / "a",
        ranked,
        rank_pattern={"model.layers.0.mlp.down_proj": 2},
        alpha_pattern={r"layers\.1\.self_attn\.q_proj": 24, "v_proj": 4},
    )
    plan = plan_lora(folder, made.gguf, "F32")
    factors = {pair.target: pair.factor for pair in plan.pairs}
    assert plan.alpha == 8
    assert factors["blk.1.attn_q.weight"] == 3
    assert factors["blk.0.attn_q.weight"] == 1
    assert factors["blk.2.attn_v.weight"] == 0.5
    assert factors["blk.0.ffn_down.weight"] == 1  # alpha / rank is llama.cpp's own rule for each tensor
    convert_lora(plan, tmp_path / "a.gguf")
    with GgufFile.open(tmp_path / "a.gguf") as file:
        b = file.values(file.tensors["blk.1.attn_q.weight.lora_b"], slice(None))
    assert np.array_equal(b, 3 * checkpoints.lora_weights()[f"{PREFIX}.1.self_attn.q_proj.lora_B.weight"])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"peft_type": "IA3"}, "type IA3"),
        ({"peft_type": None}, "type None"),
        ({"use_dora": True}, "use_dora.*train with use_dora=False"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save.*merge"),
        ({"lora_bias": True}, "lora_bias"),
        ({"bias": "lora_only"}, "lora_only"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        ({"invented_in_2031": {"a": 1}}, "invented_in_2031 .*does not know"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ({"alpha_pattern": {"(?=a)b": 3}}, "a group with"),
        ({"rank_pattern": {"(a{999}){999}": 3}}, "too many parts"),
        ({"target_modules": ["q_proj", "v_proj"]}, "down_proj, which target_modules leaves out"),
        ({"target_modules": r".*\.self_attn\.[qv]_proj"}, "down_proj, which target_modules leaves out"),
    ],
)
def test_what_a_lora_gguf_cannot_hold_is_refused_by_name(
    made: Made, tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    refused(adapter(tmp_path / "a", **config), made.gguf, words)


@pytest.mark.parametrize(
    "config",
    [
        {"r": 0},
        {"r": "4"},
        {"lora_alpha": 0},
        {"lora_alpha": -1},
        {"lora_alpha": None},
        {"alpha_pattern": {"q_proj": 0}},
    ],
)
def test_settings_that_cannot_be_true_are_refused(made: Made, tmp_path: Path, config: dict[str, Any]) -> None:
    refused(adapter(tmp_path / "a", **config), made.gguf, "broken JSON", InvalidFile)


def matrix(rows: int, columns: int) -> np.ndarray:
    return np.ones((rows, columns), np.float32)


@pytest.mark.parametrize(
    ("changes", "words", "kind"),
    [
        ({f"{PREFIX}.0.self_attn.q_proj.lora_A.weight": None}, "only one half", InvalidFile),
        ({f"{PREFIX}.0.self_attn.q_proj.lora_A.weight": matrix(5, 64)}, "do not fit", InvalidFile),
        ({f"{PREFIX}.0.self_attn.q_proj.lora_A.weight": np.ones(4, np.float32)}, "do not fit", InvalidFile),
        (
            {
                f"{PREFIX}.0.self_attn.q_proj.lora_A.weight": matrix(2, 64),
                f"{PREFIX}.0.self_attn.q_proj.lora_B.weight": matrix(128, 2),
            },
            "has rank 2, adapter_config.json says 4",
            InvalidFile,
        ),
        ({f"{PREFIX}.0.self_attn.q_proj.lora_magnitude_vector": matrix(1, 4)}, "DoRA", Unsupported),
        ({"base_model.model.model.embed_tokens.lora_embedding_A": matrix(4, 272)}, "token embedding", Unsupported),
        ({"base_model.model.lm_head.weight": matrix(4, 4)}, "no part of a plain LoRA", Unsupported),
        (
            {"base_model.model.lm_head.lora_A.weight": matrix(4, 64), "base_model.model.lm_head.lora_B.weight": matrix(272, 4)},
            "token embedding too",
            Unsupported,
        ),
        (
            {
                f"{PREFIX}.9.self_attn.q_proj.lora_A.weight": matrix(4, 64),
                f"{PREFIX}.9.self_attn.q_proj.lora_B.weight": matrix(128, 4),
            },
            "layers.9.self_attn.q_proj is 128x64 in the adapter and missing there",
            WrongBase,
        ),
        ({f"{PREFIX}.0.self_attn.q_proj.lora_B.weight": matrix(256, 4)}, "256x64 in the adapter and 128x64 there", WrongBase),
    ],
)  # fmt: skip
def test_tensors_that_do_not_belong_are_refused(
    made: Made, tmp_path: Path, changes: dict[str, Any], words: str, kind: type[LocomanError]
) -> None:
    folder = adapter(tmp_path / "a", changes)
    refused(folder, made.gguf, words, kind)
    refused(folder, made.checkpoint, words, kind)


def test_an_output_of_its_own_takes_a_lora(tmp_path: Path) -> None:
    base = checkpoints.write_checkpoint(tmp_path / "base", tied=False)
    pair = {
        "base_model.model.lm_head.lora_A.weight": matrix(4, 64),
        "base_model.model.lm_head.lora_B.weight": matrix(272, 4),
    }
    plan = plan_lora(adapter(tmp_path / "a", pair), base)
    assert "output.weight" in {planned.target for planned in plan.pairs}


def test_an_empty_or_pickled_adapter_is_refused(made: Made, tmp_path: Path) -> None:
    folder = checkpoints.write_adapter(tmp_path / "a", {})
    refused(folder, made.gguf, "no tensors", InvalidFile)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    refused(folder, made.gguf, "never read")


def test_an_unknown_type_is_a_usage_error(made: Made) -> None:
    with pytest.raises(UsageError):
        plan_lora(made.adapter, made.gguf, "Q4_0")


def write_lora(path: Path, tensors: dict[str, tuple[int, int]], **metadata: Any) -> Path:
    entries = {
        "general.architecture": gguf_values.text("qwen3"),
        "general.type": gguf_values.text("adapter"),
        "adapter.type": gguf_values.text("lora"),
        "adapter.lora.alpha": gguf_values.f32(4),
    } | {key.replace("__", "."): value for key, value in metadata.items()}
    listed = [
        NewTensor(
            name, shape, F32, 4 * shape[0] * shape[1], lambda s=shape: iter([np.zeros(s, np.float32).view(np.uint8)])
        )
        for name, shape in tensors.items()
    ]
    write_gguf(path, entries, listed, lambda *_: None)
    return path


PAIR = {"blk.0.attn_q.weight.lora_a": (4, 64), "blk.0.attn_q.weight.lora_b": (128, 4)}


@pytest.mark.parametrize(
    ("tensors", "metadata", "kind", "words"),
    [
        (PAIR, {"general__type": gguf_values.text("model")}, InvalidFile, "no adapter"),
        (PAIR, {"adapter__type": gguf_values.text("ia3")}, Unsupported, "ia3"),
        (PAIR, {"adapter__lora__alpha": gguf_values.f32(0)}, InvalidFile, "alpha"),
        (PAIR, {"adapter__lora__alpha": gguf_values.f32(float("nan"))}, InvalidFile, "alpha"),
        (PAIR, {"general__architecture": gguf_values.text("llama")}, WrongBase, "made for llama, this is qwen3"),
        ({}, {}, InvalidFile, "no tensors"),
        ({"blk.0.attn_q.weight.lora_a": (4, 64)}, {}, InvalidFile, "one half"),
        ({"blk.0.attn_q.weight.lora_b": (4, 64)}, {}, InvalidFile, "one half"),
        (PAIR | {"blk.0.attn_q.weight.lora_b": (128, 3)}, {}, InvalidFile, "do not fit"),
        (PAIR | {"output_norm.weight": (1, 64)}, {}, Unsupported, "no part of a plain LoRA"),
        ({"token_embd.weight.lora_a": (4, 64), "token_embd.weight.lora_b": (272, 4)}, {}, Unsupported, "embedding"),
        ({"output.weight.lora_a": (4, 64), "output.weight.lora_b": (272, 4)}, {}, WrongBase, "missing there"),
        (PAIR | {"blk.0.attn_q.weight.lora_b": (64, 4)}, {}, WrongBase, "64x64 in the adapter and 128x64 there"),
    ],
)
def test_a_lora_gguf_that_llama_cpp_would_choke_on_is_refused(
    made: Made,
    tmp_path: Path,
    tensors: dict[str, tuple[int, int]],
    metadata: dict[str, Any],
    kind: type[LocomanError],
    words: str,
) -> None:
    with pytest.raises(kind, match=words):
        check_lora_gguf(write_lora(tmp_path / "x.gguf", tensors, **metadata), made.gguf)


def test_a_base_is_no_lora(made: Made) -> None:
    with pytest.raises(InvalidFile, match="no adapter"):
        check_lora_gguf(made.gguf, made.gguf)


def test_weights_beyond_f16_are_told(made: Made, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.adapter, tmp_path / "a"))
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file({name: tensor * 1e9 for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    with pytest.raises(Unsupported, match="too large for F16"):
        convert_lora(plan_lora(folder, made.gguf), tmp_path / "a.gguf")


def test_another_family_s_gguf_is_no_base_for_conversion(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    write_gguf(path, {"general.architecture": gguf_values.text("mamba")}, [], lambda *_: None)
    refused(made.adapter, path, "mamba")


def test_a_smaller_base_is_the_wrong_one(made: Made, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.checkpoint, tmp_path / "short"))
    kept = {n: t for n, t in load_file(folder / "model.safetensors").items() if ".2." not in n}
    save_file(kept, folder / "model.safetensors")
    checkpoints.write_json(folder / "config.json", checkpoints.config(tied=True) | {"num_hidden_layers": 2})
    convert(plan_conversion(folder, "F16"), tmp_path / "short.gguf")
    with pytest.raises(WrongBase, match=r"blk\.2\."):
        check_lora_gguf(made.lora, tmp_path / "short.gguf")
    refused(made.adapter, folder, r"layers\.2\.", WrongBase)
