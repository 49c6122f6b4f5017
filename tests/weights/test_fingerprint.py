from __future__ import annotations

import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import checkpoints
from support.checkpoints import Made

from locoman.errors import InvalidFile, InvalidName
from locoman.weights import gguf_values
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.fingerprint import (
    SAME_MODEL_BITS,
    Fingerprint,
    compare,
    fingerprint_of_checkpoint,
    fingerprint_of_gguf,
)
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_values import Packed
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.tensor_types import TYPES


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """A copy of the checkpoint that a test may change."""
    return Path(shutil.copytree(made.checkpoint, tmp_path / "copy"))


def change(folder: Path, *, size: float, norms: bool) -> Fingerprint:
    """The fingerprint after random changes, `size` times as large as the weights."""
    random = np.random.default_rng(4)
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if norms or not name.endswith("norm.weight"):
            tensors[name] = tensor + (size * tensor.std() * random.standard_normal(tensor.shape)).astype(np.float32)
    save_file(tensors, folder / "model.safetensors")
    return fingerprint_of_checkpoint(folder)


def test_a_fingerprint_is_one_short_line_that_reads_back(made: Made) -> None:
    fingerprint = fingerprint_of_checkpoint(made.checkpoint)
    text = str(fingerprint)
    assert Fingerprint.parse(text) == fingerprint
    assert len(text) < 200
    assert text.isprintable()


@pytest.mark.parametrize("text", ["", "1:qwen3", "2:qwen3:" + "0" * 16, "1:qwen3:x:y:z:n:s", "é" * 30])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        Fingerprint.parse(text)


@pytest.mark.parametrize("quantization", ["F32", "F16", "BF16", "Q8_0"])
def test_a_model_keeps_its_fingerprint_when_converted(made: Made, tmp_path: Path, quantization: str) -> None:
    convert(plan_conversion(made.checkpoint, quantization), tmp_path / "x.gguf")
    difference = compare(fingerprint_of_checkpoint(made.checkpoint), fingerprint_of_gguf(tmp_path / "x.gguf"))
    assert difference.same_model
    assert difference.same_template
    assert difference.sketch_distance <= 2


@pytest.mark.parametrize(("name", "bits"), [("Q5_0", 12), ("Q4_0", 24)])
def test_coarse_quantization_moves_few_bits_of_the_sketch(made: Made, tmp_path: Path, name: str, bits: int) -> None:
    convert(plan_conversion(made.checkpoint, "F32"), tmp_path / "exact.gguf")
    requantize(tmp_path / "exact.gguf", tmp_path / "coarse.gguf", name)
    difference = compare(fingerprint_of_gguf(tmp_path / "exact.gguf"), fingerprint_of_gguf(tmp_path / "coarse.gguf"))
    assert difference.same_model
    assert 0 < difference.sketch_distance <= bits


def requantize(source: Path, target: Path, name: str) -> None:
    """Stores the matrices of an F32 GGUF as `name`."""
    kind = TYPES[name]
    with GgufFile.open(source) as file:
        tensors = []
        for tensor in file.tensors.values():
            values = file.values(tensor, slice(None))
            if len(tensor.shape) == 2:
                packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType(kind.code))
                tensors.append(NewTensor(tensor.name, tensor.shape, kind, packed.nbytes, lambda p=packed: iter([p])))
            else:
                raw = file.raw(tensor)
                tensors.append(NewTensor(tensor.name, tensor.shape, tensor.type, raw.nbytes, lambda p=raw: iter([p])))
        write_gguf(target, copied(file), tensors, lambda *_: None)


def copied(file: GgufFile) -> dict[str, Packed]:
    """The metadata that a fingerprint looks at."""
    tokens = [token.decode() for token in file.array("tokenizer.ggml.tokens").byte_strings()]
    merges = [merge.decode() for merge in file.array("tokenizer.ggml.merges").byte_strings()]
    return {
        "general.architecture": gguf_values.text(file.architecture),
        "qwen3.attention.head_count": gguf_values.u32(int(file.number("qwen3.attention.head_count"))),
        "qwen3.attention.head_count_kv": gguf_values.u32(int(file.number("qwen3.attention.head_count_kv"))),
        "tokenizer.ggml.tokens": gguf_values.texts(tokens),
        "tokenizer.ggml.token_type": gguf_values.i32s(file.array("tokenizer.ggml.token_type").numbers().tolist()),
        "tokenizer.ggml.merges": gguf_values.texts(merges),
        "tokenizer.chat_template": gguf_values.text(file.text("tokenizer.chat_template")),
    }


def test_a_fine_tuned_model_shows_in_its_norms(made: Made, folder: Path) -> None:
    before = fingerprint_of_checkpoint(made.checkpoint)
    difference = compare(before, change(folder, size=0.02, norms=True))
    assert not difference.same_norms
    assert not difference.same_model
    assert difference.sketch_distance <= 10


def test_a_small_change_of_matrices_alone_counts_as_the_same_model(made: Made, folder: Path) -> None:
    difference = compare(fingerprint_of_checkpoint(made.checkpoint), change(folder, size=0.05, norms=False))
    assert difference.same_model
    assert 0 < difference.sketch_distance <= 16


def test_other_weights_are_another_model(made: Made, tmp_path: Path) -> None:
    other = fingerprint_of_checkpoint(checkpoints.write_checkpoint(tmp_path, seed=77))
    difference = compare(fingerprint_of_checkpoint(made.checkpoint), other)
    assert difference.sketch_distance > 2 * SAME_MODEL_BITS
    assert not difference.same_model
    assert difference.same_architecture
    assert difference.same_dimensions
    assert difference.same_tokenizer


def test_each_part_shows_its_own_change(made: Made, folder: Path) -> None:
    before = fingerprint_of_checkpoint(made.checkpoint)
    (folder / "chat_template.jinja").write_text(checkpoints.TEMPLATE + "!")
    changed = compare(before, fingerprint_of_checkpoint(folder))
    assert not changed.same_template
    assert changed.same_model
    document = checkpoints.tokenizer_document()
    document["model"]["merges"].pop()
    checkpoints.write_json(folder / "tokenizer.json", document)
    assert not compare(before, fingerprint_of_checkpoint(folder)).same_tokenizer
    checkpoints.write_json(
        folder / "config.json", checkpoints.config(tied=True) | {"num_attention_heads": 8, "head_dim": 16}
    )
    with pytest.raises(InvalidFile):  # the shape of q_norm no longer fits
        fingerprint_of_checkpoint(folder)


def test_line_ends_and_blank_ends_of_a_template_do_not_matter(made: Made, folder: Path) -> None:
    (folder / "chat_template.jinja").write_bytes(checkpoints.TEMPLATE.replace("\n", "\r\n").encode() + b"\n")
    assert fingerprint_of_checkpoint(folder) == fingerprint_of_checkpoint(made.checkpoint)


def test_weights_that_are_no_numbers_have_no_fingerprint(folder: Path) -> None:
    path = folder / "model.safetensors"
    bad = np.full((checkpoints.FFN, checkpoints.HIDDEN), np.inf, np.float32)
    save_file(load_file(path) | {"model.layers.0.mlp.up_proj.weight": bad}, path)
    with pytest.raises(InvalidFile, match="no finite numbers"):
        fingerprint_of_checkpoint(folder)
