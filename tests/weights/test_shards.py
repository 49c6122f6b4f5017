from __future__ import annotations

from pathlib import Path

import pytest
from support.quantizable import Shape, write_model

from locoman.errors import InvalidFile
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_diff import diff_models
from locoman.weights.gguf_model import GgufModel, shard_path
from locoman.weights.model_plan import planned_paths
from locoman.weights.model_plan import write_model as write_plan
from locoman.weights.quantize import plan_quantization


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_model(tmp_path / "whole.gguf", Shape(layers=2))


@pytest.fixture
def shards(whole: Path, tmp_path: Path) -> tuple[Path, ...]:
    with GgufModel.open(whole) as model:
        plan = plan_quantization(model, "F32").model
        paths = write_plan(plan, tmp_path / "parts" / "model.gguf", split=True)
        assert paths == planned_paths(plan, tmp_path / "parts" / "model.gguf", split=True)
    return paths


def test_shards_are_named_as_llama_cpp_names_them() -> None:
    assert shard_path(Path("a/b.gguf"), 0, 3) == Path("a/b-00001-of-00003.gguf")
    assert shard_path(Path("a/b-00001-of-00003.gguf"), 2, 3) == Path("a/b-00003-of-00003.gguf")
    assert shard_path(Path("a/b"), 11, 12) == Path("a/b-00012-of-00012.gguf")


def test_each_kind_of_layer_matrix_has_a_shard_of_its_own(shards: tuple[Path, ...]) -> None:
    with GgufModel.open(shards[0]) as model:
        kinds = [{name.split(".")[2] for name in file.tensors if name.startswith("blk.")} for file in model.files]
    norms = {"attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"}
    assert kinds[:2] == [set(), norms]
    assert sorted(kind for found in kinds[2:] for kind in found) == sorted(
        ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
    )
    assert len(shards) == 9


def test_a_model_in_shards_is_the_same_model_by_whichever_shard_it_is_named(
    whole: Path, shards: tuple[Path, ...]
) -> None:
    for path in (shards[0], shards[4]):
        with GgufModel.open(whole) as one, GgufModel.open(path) as other:
            difference = diff_models(one, other)
            assert [key for key, _ in difference.keys] == ["general.quantization_version"]
            assert not difference.tensors
            assert difference.same_share == 1.0


def test_shards_can_be_quantized_into_one_file(whole: Path, shards: tuple[Path, ...], tmp_path: Path) -> None:
    for source in (whole, shards[0]):
        with GgufModel.open(source) as model:
            write_plan(plan_quantization(model, "Q4_K_M").model, tmp_path / f"{source.stem}.q.gguf")
    one, other = (tmp_path / f"{source.stem}.q.gguf" for source in (whole, shards[0]))
    assert one.read_bytes() == other.read_bytes()


def test_missing_and_mixed_up_shards_are_refused(shards: tuple[Path, ...], tmp_path: Path) -> None:
    third = shards[2].read_bytes()
    shards[2].write_bytes(shards[3].read_bytes())
    with pytest.raises(InvalidFile, match="shard 3 of 9 by its name"):
        GgufModel.open(shards[0])
    shards[2].unlink()
    with pytest.raises(InvalidFile, match="missing"):
        GgufModel.open(shards[0])
    shards[2].write_bytes(third)
    alone = tmp_path / "model-00001-of-00001.gguf"
    alone.write_bytes(shards[1].read_bytes())
    with pytest.raises(InvalidFile, match="by its metadata it is not"):
        GgufModel.open(alone)
    renamed = tmp_path / "renamed.gguf"
    renamed.write_bytes(shards[1].read_bytes())
    with pytest.raises(InvalidFile, match="by its metadata it is not"):
        GgufModel.open(renamed)
    with pytest.raises(InvalidFile, match="one of 99999 shards"):
        GgufModel.open(tmp_path / "x-00001-of-99999.gguf")


def test_no_shard_is_left_when_writing_fails(whole: Path, tmp_path: Path) -> None:
    with GgufFile.open(whole) as file:
        place = file.tensors["blk.1.ffn_down.weight"].offset
    data = bytearray(whole.read_bytes())
    data[place : place + 4] = b"\x00\x00\x80\x7f"  # infinity
    whole.unlink()
    whole.write_bytes(data)
    with GgufModel.open(whole) as model, pytest.raises(InvalidFile, match="no finite numbers"):
        write_plan(plan_quantization(model, "Q8_0").model, tmp_path / "parts" / "model.gguf", split=True)
    assert not list((tmp_path / "parts").iterdir())


def test_a_difference_tells_what_changed_and_how_much(whole: Path, tmp_path: Path) -> None:
    with GgufModel.open(whole) as model:
        write_plan(plan_quantization(model, "Q8_0").model, tmp_path / "q.gguf")
    write_model(tmp_path / "other.gguf", Shape(layers=2, ffn=512), seed=2)
    with GgufModel.open(whole) as one, GgufModel.open(tmp_path / "q.gguf") as other:
        found = {tensor.name: tensor for tensor in diff_models(one, other).tensors}
        down = found["blk.1.ffn_down.weight"]
        assert (down.kind, down.first, down.second) == ("type", "F32", "Q8_0")
        assert down.error is not None
        assert 0.001 < down.error < 0.01
    with GgufModel.open(whole) as one, GgufModel.open(tmp_path / "other.gguf") as other:
        difference = diff_models(one, other)
        kinds = {tensor.name: tensor.kind for tensor in difference.tensors}
        assert kinds["blk.0.ffn_up.weight"] == "shape"
        assert kinds["blk.0.attn_q.weight"] == "values"
        assert ("qwen3.feed_forward_length", "changed") in difference.keys
        assert difference.same_tensors == 0
