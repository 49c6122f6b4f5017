"""The state of a training is read as hostile: whatever stands there, it is a state or none."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from locoman.training.checkpoint import FILE_NAME, Look, Standing, read_standing

STANDING = Standing(
    step=8, looks=(Look(0, None, 1.5), Look(4, 0.5, 0.25)), recent=(0.125,), best_step=4, best_loss=0.25
)


@functools.cache
def state() -> bytes:
    tensors = {"weights.a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    return save(tensors, metadata={"locoman": msgspec.json.encode(STANDING).decode()})


def read(data: bytes) -> Standing | None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE_NAME).write_bytes(data)
        return read_standing(Path(folder))


def test_what_was_written_is_read_again() -> None:
    assert read(state()) == STANDING


def test_nothing_there_is_no_state(tmp_path: Path) -> None:
    assert read_standing(tmp_path) is None
    assert read_standing(tmp_path / "nowhere") is None


@given(st.integers(min_value=0, max_value=400))
@settings(max_examples=50, deadline=None)
def test_a_state_that_was_cut_is_none(length: int) -> None:
    data = state()
    assert read(data[: min(length, len(data) - 1)]) is None


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_state_that_was_changed_is_a_state_or_none(changes: list[tuple[int, int]]) -> None:
    data = bytearray(state())
    for place, value in changes:
        data[place % len(data)] = value
    found = read(bytes(data))
    assert found is None or isinstance(found, Standing)


def test_what_is_no_standing_is_none() -> None:
    tensors = {"a": np.zeros(1, dtype=np.float32)}
    assert read(save(tensors)) is None
    assert read(save(tensors, metadata={"locoman": "{"})) is None
    assert read(save(tensors, metadata={"locoman": '{"step": "many"}'})) is None
