"""A model without its weights computes what the whole model does; what is no model is refused, and nothing else happens."""

from __future__ import annotations

from pathlib import Path
from typing import overload

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tiny_onnx import INSIDE, OUTSIDE, asked, content, model, number, varint, weights

from locoman.routing.encoder.graph import LARGE, MODEL_GRAPH, graph_alone
from locoman.routing.encoder.graph import message as written

ort = pytest.importorskip("onnxruntime")
BOTH = (INSIDE, OUTSIDE)


class Guarded:
    """Bytes that are only read where they are, and not without end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = 10 * len(data) + 100

    def __len__(self) -> int:
        return len(self._data)

    @overload
    def __getitem__(self, place: int, /) -> int: ...
    @overload
    def __getitem__(self, part: slice, /) -> bytes: ...
    def __getitem__(self, place: int | slice, /) -> int | bytes:
        self._left -= 1
        assert self._left > 0
        ends = (place.start, place.stop) if isinstance(place, slice) else (place, place + 1)
        assert 0 <= ends[0] <= ends[1] <= len(self._data)
        return self._data[place]


def computed(session: object) -> list[np.ndarray]:
    """What a session makes of the question, all its outputs."""
    found: list[np.ndarray] = session.run(None, {"x": asked()})  # type: ignore[attr-defined]
    return found


def opened(graph: bytes, folder: Path | None = None) -> object:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    if folder is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def test_the_graph_alone_computes_bit_for_bit_what_the_whole_model_does(tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").write_bytes(model())
    alone = graph_alone(model(), "tiny.onnx", BOTH)
    inside, outside = computed(opened(alone, tmp_path))
    whole = computed(opened(model(BOTH)))
    np.testing.assert_array_equal(inside, whole[0])
    np.testing.assert_array_equal(outside, whole[1])
    np.testing.assert_array_equal(outside, computed(opened(model()))[0])
    np.testing.assert_allclose(inside, asked() @ (weights() * np.float32(0.013)), atol=1e-4)


def test_its_weights_stay_in_the_file_and_the_small_tensors_come_along(tmp_path: Path) -> None:
    whole = model()
    alone = graph_alone(whole, "tiny.onnx", [OUTSIDE])
    assert weights().nbytes > LARGE
    assert len(alone) < len(whole) - weights().nbytes + 200
    assert weights().tobytes() not in alone
    changed = whole.replace(weights().tobytes(), (255 - weights()).tobytes())
    (tmp_path / "tiny.onnx").write_bytes(changed)
    np.testing.assert_array_equal(computed(opened(alone, tmp_path))[0], computed(opened(changed))[0])
    assert not np.array_equal(computed(opened(changed))[0], computed(opened(whole))[0])


def test_a_model_of_small_tensors_is_handed_on_with_other_outputs_only() -> None:
    graph = content(2, "small") + content(5, content(9, bytes(LARGE - 10)))
    rest = content(8, number(2, 13))
    before = number(1, 8) + content(MODEL_GRAPH, graph + content(12, content(1, "old"))) + rest
    after = number(1, 8) + content(MODEL_GRAPH, graph + content(12, content(1, "new"))) + rest
    assert graph_alone(before, "f", ["new"]) == after


def test_numbers_of_a_fixed_size_are_handed_on_too() -> None:
    eight, four = varint(20 << 3 | 1) + b"\xff" * 8, varint(21 << 3 | 5) + b"\xff" * 4
    graph = eight + content(12, content(1, "old")) + four
    before = four + content(MODEL_GRAPH, graph) + eight
    assert graph_alone(before, "f", []) == four + content(MODEL_GRAPH, eight + four) + eight


def test_the_place_of_a_tensor_is_told() -> None:
    data = bytes(range(256)) * 20
    before = content(MODEL_GRAPH, content(5, content(9, data) + content(8, "w")))
    pairs = [("location", "f"), ("offset", str(before.index(data))), ("length", str(len(data)))]
    told = b"".join(content(13, content(1, key) + content(2, value)) for key, value in pairs) + number(14, 1)
    assert graph_alone(before, "f", []) == content(MODEL_GRAPH, content(5, told + content(8, "w")))


@given(st.data())
def test_a_damaged_model_is_refused_or_gives_bytes_and_is_read_nowhere_else(data: st.DataObject) -> None:
    spoilt = bytearray(model())
    structure = [*range(600), *range(len(spoilt) - 600, len(spoilt))]  # before the weights and after them
    places = st.one_of(st.sampled_from(structure), st.integers(0, len(spoilt) - 1))
    for place in data.draw(st.lists(places, max_size=6)):
        spoilt[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(spoilt)), places))
    _refused_or_given(bytes(spoilt[:end]))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_give_bytes(junk: bytes) -> None:
    _refused_or_given(junk)
    _refused_or_given(content(MODEL_GRAPH, junk))
    _refused_or_given(content(MODEL_GRAPH, content(5, junk + content(9, bytes(LARGE)))))


def _refused_or_given(data: bytes) -> None:
    try:
        assert isinstance(graph_alone(Guarded(data), "tiny.onnx", BOTH), bytes)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize("cut", [1, 100, 1000, -1, -200, -5000])
def test_a_model_that_ends_too_early_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"longer|without an end"):
        graph_alone(Guarded(model()[:cut]), "tiny.onnx", BOTH)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (b"\xff" * 11, "without an end"),
        (b"\x08" + b"\x80" * 200 + b"\x01", "without an end"),
        (b"\x08\x80", "without an end"),
        (b"\x08", "without an end"),
        (b"\x3a" + varint(5) + b"abc", "longer"),
        (b"\x3a" + varint((1 << 64) - 1) + b"abc", "longer"),
        (b"\x09abc", "longer"),
        (b"\x0dabc", "longer"),
        (content(MODEL_GRAPH, b"\x2a" + varint(3) + b"a") + b"bcd", "longer"),
        (content(MODEL_GRAPH, b"\x0b"), "kind"),
        (b"\x0e", "kind"),
    ],
)
def test_what_does_not_hold_together_is_refused(wrong: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        graph_alone(Guarded(wrong), "tiny.onnx", [])


@given(st.integers(1, 1 << 28), st.binary(max_size=300))
def test_fields_are_written_as_protobuf_has_them(field: int, value: bytes) -> None:
    assert written(field, value) == content(field, value)
