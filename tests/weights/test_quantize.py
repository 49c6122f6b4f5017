from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import checkpoints
from support.checkpoints import Made
from support.quantizable import Shape, weights, write_imatrix, write_model
from support.reference import find_llama_quantize, llama_quantize

from locoman.errors import InvalidFile, MissingPrerequisite, Unsupported, UsageError
from locoman.weights import gguf_values, model_plan, tensor_types
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.gguf_model import GgufModel
from locoman.weights.gguf_verify import verify_gguf
from locoman.weights.imatrix import read_imatrix
from locoman.weights.mixes import MIXES, Dimensions, choose_types, find_mix, llama_order
from locoman.weights.quantize import plan_quantization
from locoman.weights.tensor_types import BF16, F16, F32, TYPES, dequantize_rows, quantize_rows

GOLDEN = Path(__file__).with_name("quantized.json")
MODELS = {
    "plain": (Shape(), F32),
    "untied": (Shape(layers=9, tied=False, kv_heads=4), BF16),
    "blocks-of-32": (Shape(layers=8, ffn=288), F16),
    "blocks-of-16": (Shape(layers=8, ffn=272), F32),
    "narrow": (Shape(layers=8, hidden=160), F32),
    "weighed": (Shape(), BF16),
    "experts": (Shape(layers=2, experts=8, architecture="llama"), F16),
    "weighed-experts": (Shape(layers=2, experts=8, architecture="llama"), F32),
}
"""Between them they meet every rule of the mixes, and every fallback."""


def quantized(source: Path, target: Path, name: str, imatrix: Path | None = None) -> bytes:
    with GgufModel.open(source) as model:
        plan = plan_quantization(model, name, read_imatrix(imatrix) if imatrix else None)
        assert model_plan.write_model(plan.model, target) == (target,)
    return target.read_bytes()


def imatrix_of(folder: Path, label: str) -> Path:
    """Its name is written into the file, and so goes into the checksums."""
    return folder / ("imatrix.gguf" if label == "weighed" else f"{label}-imatrix.gguf")


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantizable")
    for label, (shape, kind) in MODELS.items():
        write_model(folder / f"{label}.gguf", shape, kind)
    for label in ("weighed", "weighed-experts"):
        write_imatrix(imatrix_of(folder, label), MODELS[label][0])
    return folder


@pytest.mark.parametrize("label", MODELS)
@pytest.mark.parametrize("name", MIXES)
def test_the_file_is_byte_for_byte_that_of_llama_quantize(sources: Path, tmp_path: Path, label: str, name: str) -> None:
    imatrix = imatrix_of(sources, label) if label.startswith("weighed") else None
    ours = quantized(sources / f"{label}.gguf", tmp_path / "ours.gguf", name, imatrix)
    if tool := find_llama_quantize():
        options = ["--imatrix", imatrix.name] if imatrix else []
        llama_quantize(tool, sources / f"{label}.gguf", tmp_path / "theirs.gguf", name, *options)
        assert ours == (tmp_path / "theirs.gguf").read_bytes()
    if platform.machine() in ("x86_64", "AMD64"):
        assert hashlib.sha256(ours).hexdigest() == json.loads(GOLDEN.read_text())[label][name]


@pytest.mark.parametrize("name", ["Q4_K_M", "Q8_0", "Q3_K_M"])
def test_a_checkpoint_becomes_in_one_step_what_llama_quantize_makes_of_its_gguf(tmp_path: Path, name: str) -> None:
    folder = checkpoints.write_checkpoint(tmp_path / "checkpoint")
    convert(plan_conversion(folder, "F32"), tmp_path / "f32.gguf")
    quantized(tmp_path / "f32.gguf", tmp_path / "two.gguf", name)
    convert(plan_conversion(folder, name), tmp_path / "one.gguf")
    with GgufModel.open(tmp_path / "one.gguf") as one, GgufModel.open(tmp_path / "two.gguf") as two:
        assert {n: rows.type for n, rows in one.tensors.items()} == {n: rows.type for n, rows in two.tensors.items()}
        for tensor, rows in one.tensors.items():
            assert np.array_equal(rows.stored(slice(None)), two.tensors[tensor].stored(slice(None))), tensor
        assert one.metadata["general.file_type"] == two.metadata["general.file_type"] == MIXES[name].file_type


def test_many_small_pieces_give_the_same_bytes_as_a_large_one(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = quantized(sources / "plain.gguf", tmp_path / "a.gguf", "Q4_K_M")
    monkeypatch.setattr("locoman.weights.pieces.PIECE_VALUES", 700)
    assert quantized(sources / "plain.gguf", tmp_path / "b.gguf", "Q4_K_M") == whole


def test_each_expert_is_weighed_by_its_own_columns(sources: Path, tmp_path: Path) -> None:
    label = "weighed-experts"
    given = [read_imatrix(imatrix_of(sources, label)).of("blk.0.ffn_up_exps.weight", (8, 256, 256))]
    assert given[0] is not None
    assert given[0].shape == (8, 256)
    assert (given[0][6:] == 1).all()  # never asked, so all columns count alike
    quantized(sources / f"{label}.gguf", tmp_path / "q.gguf", "Q4_K_M", imatrix_of(sources, label))
    with GgufModel.open(sources / f"{label}.gguf") as source, GgufModel.open(tmp_path / "q.gguf") as model:
        rows = model.tensors["blk.0.ffn_up_exps.weight"]
        values = source.tensors[rows.name].values(slice(512, 768))
        assert np.array_equal(rows.stored(slice(512, 768)), quantize_rows(values, rows.type, given[0][2]))
        with pytest.raises(InvalidFile, match="1024 columns"):
            read_imatrix(write_imatrix(tmp_path / "i.gguf", Shape(layers=2, experts=4))).of(rows.name, rows.shape)


def test_the_plan_says_which_tensors_cannot_have_the_type_wanted(sources: Path) -> None:
    with GgufModel.open(sources / "blocks-of-32.gguf") as model:
        plan = plan_quantization(model, "Q4_K_M").model
    assert {tensor.target for tensor in plan.fallbacks} == {f"blk.{layer}.ffn_down.weight" for layer in range(8)}
    assert {(tensor.wanted.name, tensor.type.name) for tensor in plan.fallbacks} == {("Q6_K", "Q8_0"), ("Q4_K", "Q5_0")}
    assert plan.types["Q4_K"] == 44


@pytest.mark.parametrize("name", ["Q4_0", "Q3_K_M", "F16"])
def test_quantizing_again_gives_the_bytes_of_llama_quantize_too(sources: Path, tmp_path: Path, name: str) -> None:
    tool = find_llama_quantize()
    if tool is None:
        pytest.skip("there is no llama-quantize here: set LOCOMAN_TEST_OLLAMA or put it on PATH")
    quantized(sources / "plain.gguf", tmp_path / "once.gguf", "Q4_K_M")
    with GgufModel.open(tmp_path / "once.gguf") as model:
        model_plan.write_model(plan_quantization(model, name, requantize=True).model, tmp_path / "ours.gguf")
    llama_quantize(tool, tmp_path / "once.gguf", tmp_path / "theirs.gguf", name, "--allow-requantize")
    assert (tmp_path / "ours.gguf").read_bytes() == (tmp_path / "theirs.gguf").read_bytes()


def test_what_is_quantized_already_is_quantized_again_only_when_asked(sources: Path, tmp_path: Path) -> None:
    quantized(sources / "plain.gguf", tmp_path / "q8.gguf", "Q8_0")
    with GgufModel.open(tmp_path / "q8.gguf") as model:
        with pytest.raises(Unsupported, match="Q8_0 already"):
            plan_quantization(model, "Q4_0")
        plan = plan_quantization(model, "Q4_0", requantize=True)
        model_plan.write_model(plan.model, tmp_path / "q4.gguf")
        same = plan_quantization(model, "Q8_0")
        assert all(tensor.copied for tensor in same.model.tensors)
    verify_gguf(tmp_path / "q4.gguf")


def test_an_unknown_mix_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"Q4_K_M.*Did you mean Q5_K_"):
        find_mix("Q5_K_N")
    assert find_mix("q4_k_m") is MIXES["Q4_K_M"]


def test_the_order_is_by_number_of_the_layer() -> None:
    names = ["blk.10.a", "output.weight", "blk.2.b", "blk.2.a", "a"]
    assert llama_order(names) == ["a", "output.weight", "blk.2.a", "blk.2.b", "blk.10.a"]


def test_experts_and_wide_models_get_the_types_that_llama_cpp_gives_them() -> None:
    shapes = {
        "blk.0.attn_v.weight": (256, 256), "blk.0.attn_k.weight": (256, 256), "blk.0.attn_output.weight": (256, 256),
        "blk.0.ffn_down_exps.weight": (8, 256, 256), "blk.0.ffn_gate_inp.weight": (8, 256),
    }  # fmt: skip
    moe = choose_types(MIXES["Q4_K_M"], Dimensions("llama", 32, 32, 8, experts=8), shapes)
    assert {name: choice.type.name for name, choice in moe.items()} == {
        "blk.0.attn_v.weight": "Q8_0", "blk.0.attn_k.weight": "Q8_0", "blk.0.attn_output.weight": "Q5_K",
        "blk.0.ffn_down_exps.weight": "Q6_K",
    }  # fmt: skip
    wide = {f"blk.{layer}.attn_v.weight": (1024, 8192) for layer in range(80)}
    chosen = choose_types(MIXES["Q4_K_M"], Dimensions("llama", 80, 64, 8), wide)
    assert {choice.type.name for choice in chosen.values()} == {"Q5_K", "Q6_K"}


def test_without_a_library_four_types_are_left(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_library = {}
    for name in ("F32", "F16", "BF16", "Q8_0"):
        convert(plan_conversion(made.checkpoint, name), tmp_path / f"{name}.gguf")
        with_library[name] = (tmp_path / f"{name}.gguf").read_bytes()
    monkeypatch.setattr(tensor_types, "find_ggml", lambda: None)
    for name, expected in with_library.items():
        convert(plan_conversion(made.checkpoint, name), tmp_path / "out.gguf")
        assert (tmp_path / "out.gguf").read_bytes() == expected
    with pytest.raises(MissingPrerequisite, match="needs llama") as caught:
        plan_conversion(made.checkpoint, "Q4_K_M")
    assert "xllamacpp" in caught.value.remedy


@pytest.mark.parametrize("name", [name for name in tensor_types.LARGEST if name != "F32"])
def test_every_type_holds_its_largest_number_and_decodes_as_the_gguf_package_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = TYPES[name]
    values = weights((4, 256), 5)
    values[1] = tensor_types.LARGEST[name]
    values[2, ::3] = -tensor_types.LARGEST[name]
    packed = quantize_rows(values, kind)
    decoded = dequantize_rows(packed, kind)
    assert np.isfinite(decoded).all()
    assert np.abs(decoded[0] - values[0]).max() < 0.2 * np.abs(values[0]).max()
    monkeypatch.setattr(tensor_types, "find_ggml", lambda: None)
    assert np.array_equal(decoded, dequantize_rows(packed, kind))


def test_f16_is_rounded_to_the_nearest_even_number() -> None:
    every_bf16 = (np.arange(65536, dtype=np.uint32) << 16).view(np.float32)
    halves = [np.float32(1 + 1 / 2048), np.float32(1 + 3 / 2048), np.float32(2**-25), np.float32(3 * 2**-25)]
    values = np.concatenate([every_bf16[np.abs(every_bf16) <= 65504], np.array(halves, np.float32)]).reshape(1, -1)
    assert np.array_equal(quantize_rows(values, F16).view(np.float16), values.astype(np.float16))


def test_adapters_and_special_architectures_are_refused_by_name(made: Made, tmp_path: Path) -> None:
    with GgufModel.open(made.lora) as model, pytest.raises(Unsupported, match="type adapter"):
        plan_quantization(model, "Q8_0")
    write_model(tmp_path / "f.gguf", replace(Shape(layers=1), architecture="falcon"))
    with GgufModel.open(tmp_path / "f.gguf") as model, pytest.raises(Unsupported, match="falcon"):
        plan_quantization(model, "Q8_0")


def test_weights_that_are_no_numbers_are_found(tmp_path: Path) -> None:
    folder = checkpoints.write_checkpoint(tmp_path / "checkpoint")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"][3, 5] = -np.inf
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(InvalidFile, match=r"up_proj.*no finite numbers"):
        convert(plan_conversion(folder, "Q4_0"), tmp_path / "out.gguf")
    assert not list(tmp_path.glob("*.gguf*"))


def test_an_importance_matrix_must_fit_and_be_one(made: Made, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"no importance matrix.*imatrix\.datasets"):
        read_imatrix(made.gguf)
    other = write_imatrix(tmp_path / "other.gguf", Shape(hidden=512, layers=1))
    write_model(tmp_path / "m.gguf", Shape(layers=1))
    with GgufModel.open(tmp_path / "m.gguf") as model, pytest.raises(InvalidFile, match="512 columns"):
        plan_quantization(model, "Q4_0", read_imatrix(other))
    changed = write_imatrix(tmp_path / "c.gguf", Shape(layers=1), **{"imatrix.chunk_count": gguf_values.f32(1.5)})
    with pytest.raises(InvalidFile, match="chunks"):
        read_imatrix(changed)


def test_an_importance_matrix_has_an_entry_for_each_matrix(tmp_path: Path) -> None:
    path = write_imatrix(tmp_path / "i.gguf", Shape(layers=1))
    assert set(read_imatrix(path).columns) == {
        f"blk.0.{name}.weight" for name in
        ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    }  # fmt: skip


@pytest.mark.parametrize("name", ["F16", "BF16"])
def test_rows_of_any_length_are_stored_and_read_exactly(name: str) -> None:
    for columns in range(1, 70):
        values = np.arange(3 * columns, dtype=np.float32).reshape(3, columns) - columns
        assert np.array_equal(dequantize_rows(quantize_rows(values, TYPES[name]), TYPES[name]), values)
