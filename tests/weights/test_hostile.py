"""Thousands of spoiled files: whatever is wrong with one, it ends in an error of locoman's, soon and without much memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import quantizable
from support.checkpoints import Made
from support.hostile import survive

from locoman.errors import InvalidFile
from locoman.progress import no_progress
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.fingerprint import fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.gguf_diff import diff_models
from locoman.weights.gguf_model import GgufModel
from locoman.weights.gguf_verify import verify_gguf
from locoman.weights.imatrix import read_imatrix
from locoman.weights.lora import check_lora_gguf, convert_lora, plan_lora
from locoman.weights.lora_gguf import open_lora_gguf
from locoman.weights.merge import plan_merge
from locoman.weights.merge_checkpoint import plan_checkpoint_merge
from locoman.weights.model_plan import write_model
from locoman.weights.quantize import plan_quantization


@pytest.fixture
def copy(made: Made, tmp_path: Path) -> Made:
    """Copies that a test may spoil."""
    return Made(
        Path(shutil.copytree(made.checkpoint, tmp_path / "base")),
        Path(shutil.copytree(made.adapter, tmp_path / "adapter")),
        Path(shutil.copy(made.gguf, tmp_path / "base.gguf")),
        Path(shutil.copy(made.lora, tmp_path / "adapter.gguf")),
    )


def test_spoiled_ggufs(copy: Made) -> None:
    def use() -> None:
        fingerprint_of_gguf(copy.gguf)
        verify_gguf(copy.gguf)
        plan_lora(copy.adapter, copy.gguf)

    survive(copy.gguf, use, text=False, head=9000)


def test_spoiled_lora_ggufs(copy: Made) -> None:
    survive(copy.lora, lambda: check_lora_gguf(copy.lora, copy.gguf), text=False, head=2500)


def test_spoiled_ggufs_that_are_quantized_compared_and_merged_into(copy: Made, tmp_path: Path) -> None:
    def use() -> None:
        with GgufModel.open(copy.gguf) as model, open_lora_gguf(copy.lora) as lora:
            write_model(plan_quantization(model, "Q4_K_M", requantize=True).model, tmp_path / "out.gguf")
            write_model(plan_merge(model, lora, "x"), tmp_path / "out.gguf", split=True)
            with GgufModel.open(tmp_path / "out.gguf") as other:
                diff_models(model, other)

    survive(copy.gguf, use, text=False, head=9000)


def test_spoiled_lora_ggufs_that_are_merged(copy: Made, tmp_path: Path) -> None:
    def use() -> None:
        with open_lora_gguf(copy.lora) as lora, GgufModel.open(copy.gguf) as model:
            write_model(plan_merge(model, lora, "x"), tmp_path / "out.gguf")
            plan_checkpoint_merge(copy.checkpoint, lora)

    survive(copy.lora, use, text=False, head=2500)


def test_spoiled_importance_matrices(tmp_path: Path) -> None:
    model = quantizable.write_model(tmp_path / "model.gguf", quantizable.Shape(layers=1, vocabulary=8))
    imatrix = quantizable.write_imatrix(tmp_path / "imatrix.gguf", quantizable.Shape(layers=1))

    def use() -> None:
        with GgufModel.open(model) as opened:
            write_model(plan_quantization(opened, "Q4_0", read_imatrix(imatrix)).model, tmp_path / "out.gguf")

    survive(imatrix, use, text=False, head=1500)


def test_spoiled_shards(tmp_path: Path) -> None:
    model = quantizable.write_model(tmp_path / "model.gguf", quantizable.Shape(layers=1, vocabulary=8))
    with GgufModel.open(model) as opened:
        paths = write_model(plan_quantization(opened, "F16").model, tmp_path / "m.gguf", split=True)

    def use() -> None:
        with GgufModel.open(paths[0]) as opened:
            write_model(plan_quantization(opened, "Q8_0").model, tmp_path / "out.gguf")

    survive(paths[0], use, text=False, head=1500)
    survive(paths[3], use, text=False, head=300)


def test_spoiled_weights(copy: Made, tmp_path: Path) -> None:
    def use() -> None:
        fingerprint_of_checkpoint(copy.checkpoint)
        convert(plan_conversion(copy.checkpoint, "Q8_0"), tmp_path / "out.gguf", no_progress)

    survive(copy.checkpoint / "model.safetensors", use, text=False, head=4000)


def test_spoiled_adapter_weights(copy: Made, tmp_path: Path) -> None:
    def use() -> None:
        convert_lora(plan_lora(copy.adapter, copy.gguf), tmp_path / "out.gguf")

    survive(copy.adapter / "adapter_model.safetensors", use, text=False, head=2500)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
def test_spoiled_descriptions(copy: Made, name: str) -> None:
    path = copy.checkpoint / name
    sound = path.read_bytes()
    if name == "chat_template.jinja":  # nothing reads it but as text
        path.write_bytes(b"\xff")
        with pytest.raises(InvalidFile, match="UTF-8"):
            plan_conversion(copy.checkpoint, "F16")
        return
    path.write_bytes(sound)
    survive(path, lambda: plan_conversion(copy.checkpoint, "F16"), text=True)


def test_spoiled_adapter_settings(copy: Made) -> None:
    survive(copy.adapter / "adapter_config.json", lambda: plan_lora(copy.adapter, copy.gguf), text=True)
