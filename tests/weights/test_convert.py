from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import checkpoints
from support.checkpoints import Made

from locoman.errors import InvalidFile, MissingPrerequisite, StoreError, Unsupported, UsageError
from locoman.weights.architecture import load_architecture
from locoman.weights.architectures import FAMILIES
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_verify import verify_gguf


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """A copy of the checkpoint that a test may spoil."""
    return Path(shutil.copytree(made.checkpoint, tmp_path / "copy"))


def change_config(folder: Path, **changes: Any) -> None:
    checkpoints.write_json(folder / "config.json", checkpoints.config(tied=True) | changes)


def change_weights(folder: Path, **changes: Any) -> None:
    """Replaces tensors (dots as __); None takes one away."""
    path = folder / "model.safetensors"
    tensors = load_file(path) | {name.replace("__", "."): value for name, value in changes.items()}
    save_file({name: value for name, value in tensors.items() if value is not None}, path)


def test_the_plan_tells_what_will_be_written(made: Made) -> None:
    plan = plan_conversion(made.checkpoint, "Q8_0")
    by_name = {tensor.target: tensor for tensor in plan.tensors}
    assert plan.architecture.name == "qwen3"
    assert len(plan.tensors) == 2 + 11 * checkpoints.LAYERS
    assert plan.tensors[0].target == "token_embd.weight"
    assert plan.tensors[-1].target == "output_norm.weight"
    assert by_name["blk.0.attn_norm.weight"].type.name == "F32"
    assert by_name["blk.2.ffn_down.weight"].type.name == "Q8_0"
    assert by_name["blk.2.ffn_down.weight"].bytes == checkpoints.HIDDEN * checkpoints.FFN // 32 * 34
    assert plan.bytes == sum(tensor.bytes for tensor in plan.tensors)


@pytest.mark.parametrize("quantization", ["F32", "F16", "BF16", "Q8_0"])
def test_tensors_have_the_bytes_of_ggml_s_own_rounding(made: Made, tmp_path: Path, quantization: str) -> None:
    target = tmp_path / "out.gguf"
    convert(plan_conversion(made.checkpoint, quantization), target)
    verify_gguf(target)
    source = load_file(made.checkpoint / "model.safetensors")
    pairs = dict(load_architecture("qwen3").names(checkpoints.LAYERS))
    with GgufFile.open(target) as file:
        for name, values in source.items():
            tensor = file.tensors[pairs[name]]
            kind = "F32" if values.ndim == 1 else quantization
            expected = gguf.quants.quantize(values, gguf.GGMLQuantizationType[kind])
            assert tensor.type.name == kind
            assert file.raw(tensor).tobytes() == expected.tobytes(), name


def test_metadata_are_those_that_llama_cpp_reads(made: Made) -> None:
    with GgufFile.open(made.gguf) as file:
        read = {key: value for key, value in file.metadata.items() if isinstance(value, str | int | float)}
    assert read == {
        "general.architecture": "qwen3",
        "general.type": "model",
        "general.name": "base",
        "general.file_type": 7,
        "general.quantization_version": 2,
        "qwen3.block_count": checkpoints.LAYERS,
        "qwen3.context_length": 512,
        "qwen3.embedding_length": checkpoints.HIDDEN,
        "qwen3.feed_forward_length": checkpoints.FFN,
        "qwen3.attention.head_count": checkpoints.HEADS,
        "qwen3.attention.head_count_kv": checkpoints.KV_HEADS,
        "qwen3.attention.key_length": checkpoints.HEAD_DIM,
        "qwen3.attention.value_length": checkpoints.HEAD_DIM,
        "qwen3.rope.freq_base": 10000.0,
        "qwen3.attention.layer_norm_rms_epsilon": pytest.approx(1e-6),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.eos_token_id": 265,
        "tokenizer.ggml.padding_token_id": 263,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.chat_template": checkpoints.TEMPLATE,
    }


def test_an_untied_model_has_an_output_of_its_own(tmp_path: Path) -> None:
    plan = plan_conversion(checkpoints.write_checkpoint(tmp_path, tied=False), "F32")
    assert plan.tensors[-1].target == "output.weight"


def test_a_tied_output_that_is_stored_all_the_same_is_left_out(folder: Path) -> None:
    change_weights(folder, lm_head__weight=np.zeros((checkpoints.VOCABULARY, checkpoints.HIDDEN), np.float32))
    assert "output.weight" not in {tensor.target for tensor in plan_conversion(folder, "F32").tensors}
    change_config(folder, tie_word_embeddings=None)
    assert "output.weight" in {tensor.target for tensor in plan_conversion(folder, "F32").tensors}


def test_rows_that_are_no_whole_blocks_become_f16(folder: Path) -> None:
    change_config(folder, intermediate_size=80)
    for layer in range(checkpoints.LAYERS):
        prefix = f"model__layers__{layer}__mlp__"
        wide, tall = np.zeros((64, 80), np.float32), np.zeros((80, 64), np.float32)
        change_weights(
            folder,
            **{
                f"{prefix}down_proj__weight": wide,
                f"{prefix}up_proj__weight": tall,
                f"{prefix}gate_proj__weight": tall,
            },
        )
    types = {tensor.target: tensor.type.name for tensor in plan_conversion(folder, "Q8_0").tensors}
    assert types["blk.0.ffn_down.weight"] == "F16"
    assert types["blk.0.ffn_up.weight"] == "Q8_0"


def test_rope_theta_is_found_where_newer_configs_keep_it(folder: Path, tmp_path: Path) -> None:
    change_config(folder, rope_theta=None, rope_parameters={"rope_theta": 5000000, "rope_type": "default"})
    convert(plan_conversion(folder, "F16"), tmp_path / "out.gguf")
    with GgufFile.open(tmp_path / "out.gguf") as file:
        assert file.number("qwen3.rope.freq_base") == 5_000_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architectures": ["MambaForCausalLM"]}, "MambaForCausalLM is not known"),
        ({"architectures": None, "model_type": "opt"}, "opt is not known"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantized already"),
        ({"attention_bias": True}, "attention_bias = True"),
        ({"hidden_act": "gelu"}, "hidden_act = gelu"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "RoPE scaling of type yarn"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(folder: Path, changes: dict[str, Any], words: str) -> None:
    change_config(folder, **changes)
    with pytest.raises(Unsupported, match=words):
        plan_conversion(folder, "F16")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": None}, "hidden_size is missing"),
        ({"hidden_size": 128}, "config.json says"),
        ({"num_hidden_layers": 4}, "lacks the tensor model.layers.3"),
        ({"num_hidden_layers": 10**6}, "layers"),
        ({"num_hidden_layers": -1}, "num_hidden_layers must be"),
        ({"num_attention_heads": "four"}, "num_attention_heads must be"),
        ({"rms_norm_eps": 0}, "rms_norm_eps must be"),
        ({"rope_scaling": 3}, "rope_scaling must be"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings must be"),
        ({"architectures": "Qwen3ForCausalLM"}, "architectures"),
        ({"architectures": [["x"]]}, "architectures|not known"),
    ],
)
def test_a_config_that_cannot_be_true_is_refused(folder: Path, changes: dict[str, Any], words: str) -> None:
    change_config(folder, **changes)
    with pytest.raises(InvalidFile, match=words):
        plan_conversion(folder, "F16")


def test_fewer_layers_than_stored_are_not_dropped_silently(folder: Path) -> None:
    change_config(folder, num_hidden_layers=2)
    with pytest.raises(Unsupported, match=r"has no tensor called model\.layers\.2\."):
        plan_conversion(folder, "F16")


def test_weights_that_are_no_numbers_are_found(folder: Path, tmp_path: Path) -> None:
    change_weights(folder, model__layers__1__mlp__up_proj__weight=np.full((96, 64), np.nan, np.float32))
    with pytest.raises(InvalidFile, match="no finite numbers"):
        convert(plan_conversion(folder, "F16"), tmp_path / "out.gguf")
    assert not list(tmp_path.glob("*out.gguf*"))


def test_weights_too_large_for_f16_are_found(folder: Path, tmp_path: Path) -> None:
    change_weights(folder, model__layers__1__mlp__up_proj__weight=np.full((96, 64), 1e5, np.float32))
    with pytest.raises(Unsupported, match="too large for F16"):
        convert(plan_conversion(folder, "F16"), tmp_path / "out.gguf")
    convert(plan_conversion(folder, "BF16"), tmp_path / "out.gguf")


def test_an_unknown_quantization_is_a_usage_error(made: Made) -> None:
    with pytest.raises(UsageError, match="Q8_0"):
        plan_conversion(made.checkpoint, "Q4_K_X")


def test_a_target_that_cannot_be_written_is_a_store_error(made: Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        convert(plan_conversion(made.checkpoint, "F16"), tmp_path / "file" / "out.gguf")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    monkeypatch.setattr("locoman.weights.files.os.fdopen", lambda *_: full)
    with pytest.raises(MissingPrerequisite, match="no disk space"):
        convert(plan_conversion(made.checkpoint, "F16"), tmp_path / "out.gguf")
    assert not list(tmp_path.glob("*.gguf*"))


def test_every_family_s_file_is_valid() -> None:
    for name in FAMILIES:
        architecture = load_architecture(name)
        assert architecture.name == name
        known = {*architecture.numbers}
        for rule in architecture.tensors:
            factors = {factor for size in rule.shape for product in size.split("+") for factor in product.split("*")}
            assert {factor for factor in factors if not factor.isdigit()} <= known
            assert rule.heads in known or (rule.transform != "pair_rotary_rows" and not rule.heads)
        assert {rule.same_as for rule in architecture.numbers.values()} <= {*known, ""}
        assert set(architecture.tied) <= {rule.source for rule in architecture.tensors}
