from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from support.checkpoints import Made

from locoman.errors import InvalidFile, Unsupported
from locoman.weights import gguf_values
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_verify import verify_gguf
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.tensor_types import F32, Q8_0, TYPES, TensorType, quantize_rows


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(tensors: int, entries: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


def tensor_entry(name: str, dimensions: tuple[int, ...], code: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, code, offset)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused(path: Path, words: str, kind: type[InvalidFile] = InvalidFile) -> None:
    with pytest.raises(kind, match=words) as caught:
        GgufFile.open(path)
    assert caught.value.path == path


def test_metadata_and_tensors_read_back_as_written(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((6, 64)).astype(np.float32)
    packed = quantize_rows(values, Q8_0)
    metadata = {
        "general.architecture": gguf_values.text("qwen3"),
        "a.count": gguf_values.u32(7),
        "a.real": gguf_values.f32(0.5),
        "a.flag": gguf_values.boolean(True),
        "a.texts": gguf_values.texts(["", "Ä", "x" * 300]),
        "a.numbers": gguf_values.i32s([-1, 2]),
    }
    tensors = [
        NewTensor("vector", (3,), F32, 12, lambda: iter([np.array([1, 2, 3], np.float32).view(np.uint8)])),
        NewTensor("matrix", (6, 64), Q8_0, packed.nbytes, lambda: iter([packed[:4], packed[4:]])),
    ]
    seen: list[tuple[int, int | None, str]] = []
    path = tmp_path / "deep" / "file.gguf"
    write_gguf(path, metadata, tensors, lambda *call: seen.append(call))
    with GgufFile.open(path) as file:
        assert file.architecture == "qwen3"
        assert (file.number("a.count"), file.number("a.real"), file.metadata["a.flag"]) == (7, 0.5, True)
        assert list(file.array("a.texts").byte_strings()) == [b"", "Ä".encode(), b"x" * 300]
        assert file.array("a.numbers").numbers().tolist() == [-1, 2]
        assert file.tensors["matrix"].shape == (6, 64)
        assert file.values(file.tensors["vector"], slice(None)).tolist() == [[1, 2, 3]]
        assert file.raw(file.tensors["matrix"]).tobytes() == packed.tobytes()
        assert np.abs(file.values(file.tensors["matrix"], [5, 0]) - values[[5, 0]]).max() < 0.02
    assert seen[0] == (0, 12 + packed.nbytes, "bytes")
    assert seen[-1] == (12 + packed.nbytes, 12 + packed.nbytes, "bytes")
    assert [entry.name for entry in path.parent.iterdir()] == ["file.gguf"]


def test_the_gguf_package_reads_what_was_written(made: Made) -> None:
    reader = gguf.GGUFReader(made.gguf)
    with GgufFile.open(made.gguf) as file:
        assert [tensor.name for tensor in reader.tensors] == list(file.tensors)
        for theirs, ours in zip(reader.tensors, file.tensors.values(), strict=True):
            assert (theirs.data_offset, theirs.n_bytes) == (ours.offset, ours.bytes)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "file.gguf", b"old")

    def broken() -> object:
        yield np.zeros(4, np.uint8)
        raise InvalidFile("source", "broken")

    with pytest.raises(InvalidFile):
        write_gguf(path, {}, [NewTensor("t", (3,), F32, 12, broken)], lambda *_: None)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_cut_anywhere_is_refused(made: Made, tmp_path: Path) -> None:
    data = made.gguf.read_bytes()
    for end in [*range(200), *range(200, len(data) - 32, 997), len(data) - 33]:
        with pytest.raises(InvalidFile):
            GgufFile.open(write(tmp_path / "cut.gguf", data[:end]))


def test_bytes_after_the_last_tensor_are_refused(made: Made, tmp_path: Path) -> None:
    refused(write(tmp_path / "long.gguf", made.gguf.read_bytes() + bytes(64)), "64 bytes follow the last tensor")


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.gguf", "missing")
    refused(write(tmp_path / "empty.gguf", b""), "empty")


@pytest.mark.parametrize(
    ("data", "words", "kind"),
    [
        (b"GGML" + bytes(40), "does not begin with GGUF", InvalidFile),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian", Unsupported),
        (header(0, 0, version=1), "version 1", Unsupported),
        (header(0, 0, version=9), "version 9", Unsupported),
        (header(1 << 60, 0), "announces", InvalidFile),
        (header(0, 1 << 60), "announces", InvalidFile),
        (header(0, 1) + struct.pack("<Q", 1 << 63), "longer than", InvalidFile),
        (header(0, 1) + text("k") + struct.pack("<IQ", 8, 1 << 40), "longer than", InvalidFile),
        (header(0, 1) + text("") + struct.pack("<II", 4, 1), "empty", InvalidFile),
        (header(0, 2) + (text("k") + struct.pack("<II", 4, 1)) * 2, "repeated", InvalidFile),
        (header(0, 1) + text("k") + struct.pack("<II", 77, 1), "unknown type of value 77", InvalidFile),
        (header(0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1), "an array of type 9", InvalidFile),
        (header(0, 1) + text("k") + struct.pack("<IIQ", 9, 4, 1 << 61), "ends too early", InvalidFile),
        (header(0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 1 << 61), "strings in arrays", InvalidFile),
        (header(0, 1) + text("k") + struct.pack("<IIQQ", 9, 8, 1, (1 << 64) - 9), "ends too early", InvalidFile),
        (header(0, 1) + struct.pack("<Q", 2) + b"\xff\xfe", "not UTF-8", InvalidFile),
        (header(0, 1) + text("general.alignment") + struct.pack("<II", 4, 3), "power of two", InvalidFile),
        (header(1, 0) + text("n" * 64), "longer than 63", InvalidFile),
        (header(1, 0) + text("t") + struct.pack("<I", 5), "5 dimensions", InvalidFile),
        (header(1, 0) + tensor_entry("t", (0,), 0, 0), "impossible shape", InvalidFile),
        (header(1, 0) + tensor_entry("t", (1 << 40, 1 << 40), 0, 0), "impossible shape", InvalidFile),
        (header(1, 0) + tensor_entry("t", (8,), 999, 0), "unknown type 999", Unsupported),
        (header(1, 0) + tensor_entry("t", (33,), 8, 0), "no whole blocks of Q8_0", InvalidFile),
        (header(1, 0) + tensor_entry("t", (8,), 0, 64), "lies at 64 instead of 0", InvalidFile),
        (padded(header(1, 0) + tensor_entry("t", (1 << 30,), 0, 0)), "ends inside the tensor", InvalidFile),
        (
            padded(header(2, 0) + tensor_entry("t", (8,), 0, 0) + tensor_entry("t", (8,), 0, 32)) + bytes(64),
            "twice", InvalidFile,
        ),
    ],
)  # fmt: skip
def test_a_forged_header_is_refused(tmp_path: Path, data: bytes, words: str, kind: type[InvalidFile]) -> None:
    refused(write(tmp_path / "forged.gguf", data), words, kind)


def test_a_key_that_is_missing_or_of_another_type_is_told(made: Made) -> None:
    with GgufFile.open(made.gguf) as file:
        for look in (
            lambda: file.text("nothing"),
            lambda: file.number("general.name"),
            lambda: file.array("general.name"),
            lambda: file.array("tokenizer.ggml.tokens").numbers(),
            lambda: list(file.array("tokenizer.ggml.token_type").byte_strings()),
        ):
            with pytest.raises(InvalidFile):
                look()


def one_tensor(path: Path, kind: TensorType, data: bytes) -> Path:
    return write(path, padded(header(1, 0) + tensor_entry("t", (256,), kind.code, 0)) + padded(data))


def test_a_sound_file_passes_verification(made: Made) -> None:
    seen: list[int] = []
    verify_gguf(made.gguf, lambda done, total, unit: seen.append(done))
    with GgufFile.open(made.gguf) as file:
        assert seen[-1] == sum(tensor.bytes for tensor in file.tensors.values())


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_verification_finds_weights_that_are_no_numbers(tmp_path: Path, name: str) -> None:
    kind = TYPES[name]
    sound = quantize_by_package(np.linspace(-1, 1, 256, dtype=np.float32), kind)
    verify_gguf(one_tensor(tmp_path / "sound.gguf", kind, sound))
    infinity = {"F32": b"\x00\x00\x80\x7f", "BF16": b"\x80\x7f"}.get(name, b"\x00\x7c")
    start = len(sound) // kind.block_bytes // 2 * kind.block_bytes
    broken = sound[:start] + infinity + sound[start + len(infinity) :]
    with pytest.raises(InvalidFile, match="no finite numbers"):
        verify_gguf(one_tensor(tmp_path / "broken.gguf", kind, broken))


@pytest.mark.parametrize(("name", "place"), [("Q2_K", 80), ("Q3_K", 108), ("Q4_K", 0), ("Q5_K", 2), ("Q6_K", 208)])
def test_verification_knows_where_k_quants_keep_their_scales(tmp_path: Path, name: str, place: int) -> None:
    kind = TYPES[name]
    block = bytearray(kind.block_bytes)
    verify_gguf(one_tensor(tmp_path / "sound.gguf", kind, bytes(block)))
    block[place : place + 2] = b"\x00\x7e"
    with pytest.raises(InvalidFile, match="no finite numbers"):
        verify_gguf(one_tensor(tmp_path / "broken.gguf", kind, bytes(block)))


def quantize_by_package(values: np.ndarray, kind: TensorType) -> bytes:
    packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType(kind.code))
    return bytes(packed.tobytes())
