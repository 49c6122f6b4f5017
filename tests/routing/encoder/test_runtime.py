from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from support.tiny_onnx import INSIDE, OUTSIDE, asked, model

from locoman.errors import InvalidFile, MissingPrerequisite
from locoman.routing.encoder.runtime import opening

ort = pytest.importorskip("onnxruntime")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(model())
    return path


def test_a_session_runs_the_graph_as_it_is(tiny: Path) -> None:
    """The runtime's optimizations would give other numbers."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = ort.InferenceSession(str(tiny), options, providers=["CPUExecutionProvider"])
    inside, outside = opening(tiny, (INSIDE, OUTSIDE)).result(60).run([INSIDE, OUTSIDE], {"x": asked()})
    np.testing.assert_array_equal(outside, plain.run(None, {"x": asked()})[0])
    assert inside.shape == outside.shape


def test_the_folder_may_be_a_relative_one(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.parent)
    (found,) = opening(Path(tiny.name), [OUTSIDE]).result(60).run(None, {"x": asked()})
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", ["日本 ü 😀", "a b", "x\udcff"])
def test_the_folder_may_have_any_name(tiny: Path, name: str) -> None:
    folder = tiny.parent / name
    try:
        folder.mkdir()
    except (OSError, UnicodeEncodeError):
        pytest.skip("no folder has such a name here")
    tiny = tiny.rename(folder / tiny.name)
    try:
        (found,) = opening(tiny, [OUTSIDE]).result(60).run(None, {"x": asked()})
        assert np.isfinite(found).all()
    except InvalidFile:
        assert name == "x\udcff"  # bytes that are no text; words alone decide


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"\0" * 5000, b"\xff" * 5000, model()[:5000], model().replace(b"MatMul", b"MutMal")]
)
def test_what_is_no_model_is_told_when_it_is_waited_for(
    tiny: Path, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny.write_bytes(data)
    session = opening(tiny, [OUTSIDE])
    with pytest.raises(InvalidFile, match="damaged") as told:
        session.result(60)
    assert told.value.path == tiny
    assert capfd.readouterr() == ("", "")


def test_a_model_without_such_an_output_is_no_model_of_ours(tiny: Path) -> None:
    with pytest.raises(InvalidFile):
        opening(tiny, ["somebody"]).result(60)


def test_a_file_that_is_missing_is_told_when_it_is_waited_for(tmp_path: Path) -> None:
    session = opening(tmp_path / "gone.onnx", [OUTSIDE])
    with pytest.raises(InvalidFile):
        session.result(60)


def test_without_onnx_runtime_that_is_what_is_missing(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    session = opening(tiny, [OUTSIDE])
    with pytest.raises(MissingPrerequisite, match="ONNX Runtime") as told:
        session.result(60)
    assert "onnxruntime" in told.value.remedy
