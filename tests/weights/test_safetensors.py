from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.safetensors import open_safetensors, open_weights


def forge(path: Path, header: object, body: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_float_types_read_as_float32(tmp_path: Path) -> None:
    values = np.array([[1.5, -2.0], [0.25, 3.0]], np.float32)
    body = (
        values.tobytes() + values.astype(np.float16).tobytes() + (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    )
    names = {"a": entry("F32", [2, 2], 0, 16), "b": entry("F16", [2, 2], 16, 24), "c": entry("BF16", [2, 2], 24, 32)}
    tensors = open_safetensors(forge(tmp_path / "x.safetensors", {"__metadata__": {"format": "pt"}, **names}, body))
    for tensor in tensors.values():
        assert tensor.values().dtype == np.float32
        assert tensor.values().tolist() == values.tolist()
        assert tensor.values([1]).tolist() == [[0.25, 3.0]]
        assert tensor.values(slice(1, None)).tolist() == values[1:].tolist()


def test_an_unaligned_body_reads_too(tmp_path: Path) -> None:
    body = np.array([1.0, 2.0], np.float32).tobytes()
    for spaces in range(4):
        header = json.dumps({"a": entry("F32", [2], 0, 8)}).encode() + b" " * spaces
        tensor = open_safetensors(forge(tmp_path / "x.safetensors", header, body))["a"]
        assert tensor.values().tolist() == [[1.0, 2.0]]


def test_other_types_are_refused_only_when_read(tmp_path: Path) -> None:
    tensors = open_safetensors(forge(tmp_path / "x.safetensors", {"a": entry("I64", [1], 0, 8)}, bytes(8)))
    with pytest.raises(Unsupported, match="stored as I64"):
        tensors["a"].values()


@pytest.mark.parametrize(
    ("header", "body", "length", "words"),
    [
        (b"", b"", 1 << 62, "ends inside its header"),
        (b"{}", b"", 100, "ends inside its header"),
        (b"{}" + b" " * 40_000_000, b"", None, "a header of"),
        (b"not json", b"", None, "broken JSON"),
        (b"[" * 100_000, b"", None, "broken JSON"),
        (b'{"a": 3}', b"", None, "broken JSON"),
        (b'{"a": \xff}', b"", None, "broken JSON"),
        ({"a": entry("F32", [2], 0, 8)}, b"", None, "0 bytes of tensors, 8 announced"),
        ({"a": entry("F32", [2], 0, 8)}, bytes(12), None, "12 bytes of tensors, 8 announced"),
        ({"a": entry("F32", [2], 4, 12)}, bytes(12), None, "the place of the tensor 'a' is wrong"),
        ({"a": entry("F32", [3], 0, 8)}, bytes(8), None, "the place of the tensor 'a' is wrong"),
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, bytes(12), None, "the place of the tensor 'b'"),
        ({"a": entry("F32", [1 << 40, 1 << 40], 0, 8)}, bytes(8), None, "the place of the tensor 'a' is wrong"),
        ({"a": entry("F32", [-2], 0, 8)}, bytes(8), None, "broken JSON"),
        ({"a": entry("F32", [1] * 9, 0, 4)}, bytes(4), None, "broken JSON"),
        ({"a" * 600: entry("F32", [2], 0, 8)}, bytes(8), None, "is wrong"),
    ],
)
def test_a_forged_file_is_refused(tmp_path: Path, header: object, body: bytes, length: int | None, words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        open_safetensors(forge(tmp_path / "x.safetensors", header, body, length))


def test_an_unknown_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="F3"):
        open_safetensors(forge(tmp_path / "x.safetensors", {"a": entry("F3", [2], 0, 8)}, bytes(8)))


def write_index(folder: Path, where: dict[str, str]) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def test_shards_are_read_through_their_index(tmp_path: Path) -> None:
    save_file({"a": np.ones((2, 2), np.float32)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": np.zeros((1, 2), np.float32)}, tmp_path / "model-00002-of-00002.safetensors")
    write_index(tmp_path, {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"})
    tensors = open_weights(tmp_path)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {"a": (2, 2), "b": (1, 2)}


@pytest.mark.parametrize(
    "name", ["../model.safetensors", "/etc/model.safetensors", "..\\m.safetensors", "C:m.safetensors"]
)
def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    write_index(tmp_path, {"a": name})
    with pytest.raises(InvalidFile, match="not in this folder"):
        open_weights(tmp_path)


def test_an_index_must_be_true(tmp_path: Path) -> None:
    save_file({"a": np.ones((2, 2), np.float32)}, tmp_path / "one.safetensors")
    write_index(tmp_path, {"b": "one.safetensors"})
    with pytest.raises(InvalidFile, match="'b' is not in one"):
        open_weights(tmp_path)
    write_index(tmp_path, {"b": "gone.safetensors"})
    with pytest.raises(InvalidFile, match="missing"):
        open_weights(tmp_path)


class Bomb:
    """Unpickling this would fail the test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the pickle was loaded",))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickled_weights_are_refused_unread(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(Unsupported, match="never read") as caught:
        open_weights(tmp_path)
    assert caught.value.path.name == name
    with pytest.raises(Unsupported, match="never read"):
        open_safetensors(tmp_path / name)
    write_index(tmp_path, {"a": name})
    with pytest.raises(Unsupported, match="never read"):
        open_weights(tmp_path)


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="missing"):
        open_weights(tmp_path)
