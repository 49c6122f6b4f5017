from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.subjects import NONE, SUBJECTS

from locoman.errors import InvalidFile, LocomanError
from locoman.routing.examples import AdapterExamples
from locoman.routing.fit import fit_router
from locoman.routing.models import RouterModel
from locoman.routing.storage import load, load_model, save

QUESTIONS = ("what is 12 + 9", "a recipe for soup", "is there a train to Lima", "Good evening!", "")


@pytest.fixture(scope="module")
def model() -> RouterModel:
    return fit_router(SUBJECTS, NONE)


@pytest.fixture(scope="module")
def good(model: RouterModel, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("router") / "router.npz"
    save(model, path)
    return path.read_bytes()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return buffer.getvalue()


def array(value: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(value), **options)
    return buffer.getvalue()


def header_of(files: dict[str, bytes]) -> dict[str, Any]:
    return dict(json.loads(np.load(io.BytesIO(files["header.npy"])).tobytes()))


def with_header(files: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    """`files` with another header; of what is a table in it, only the keys that are given change."""
    header = header_of(files)
    for key, value in changes.items():
        header[key] = header[key] | value if isinstance(header.get(key), dict) and isinstance(value, dict) else value
    return files | {"header.npy": array(np.frombuffer(json.dumps(header).encode(), dtype=np.uint8))}


def test_a_saved_router_decides_as_before(model: RouterModel, tmp_path: Path) -> None:
    from locoman.routing.cascade import Router

    save(model, tmp_path / "router.npz")
    loaded, fresh = load(tmp_path / "router.npz"), Router.of(model)
    for question in QUESTIONS:
        ours, theirs = loaded.decide(question), fresh.decide(question)
        assert (ours.adapter, ours.confidence, ours.candidates) == (
            theirs.adapter,
            theirs.confidence,
            theirs.candidates,
        )


def test_the_same_model_gives_the_same_bytes_and_numpy_can_read_them(
    model: RouterModel, good: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "router.npz"
    save(model, path)
    assert path.read_bytes() == good
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["lexical"].dtype == np.float32
    assert list(tmp_path.iterdir()) == [path]


def test_a_router_without_a_lexical_model_is_kept_too(tmp_path: Path) -> None:
    model = fit_router([AdapterExamples("latin", keywords=("in latin",), minimum_confidence=0.5)], NONE)
    save(model, tmp_path / "router.npz")
    assert load_model(tmp_path / "router.npz") == model


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="missing"):
        load(tmp_path / "router.npz")


def refuse(data: bytes, folder: Path) -> None:
    path = folder / "bad.npz"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match="router of this version"):
        load(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(good: bytes, share: float, tmp_path: Path) -> None:
    refuse(good[: int(len(good) * share)], tmp_path)


def test_compressed_members_are_refused_before_they_are_unpacked(good: bytes, tmp_path: Path) -> None:
    refuse(archive(members(good), zipfile.ZIP_DEFLATED), tmp_path)
    refuse(archive({"header.npy": bytes(500 << 20)}, zipfile.ZIP_DEFLATED), tmp_path)


def test_pickled_objects_are_refused_and_not_run(good: bytes, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "ran"),))  # type: ignore[return-value]

    pickled = array(np.array([Evil()], dtype=object), allow_pickle=True)
    refuse(archive(members(good) | {"lexical.npy": pickled}), tmp_path)
    refuse(archive(members(good) | {"lexical.npy": pickle.dumps(Evil())}), tmp_path)
    refuse(archive({"header.npy": pickled}), tmp_path)
    assert not (tmp_path / "ran").exists()


def test_arrays_that_do_not_fit_are_refused(good: bytes, tmp_path: Path) -> None:
    files = members(good)
    weights = np.load(io.BytesIO(files["lexical.npy"]))
    for name, content in {
        "lexical.npy": array(weights[:-1]),
        "starts.npy": array(np.zeros(5, dtype=np.int64)),
        "texts.npy": array(np.frombuffer(b'["one"]', dtype=np.uint8)),
        "words_starts.npy": array(np.zeros(3, dtype=np.int64)),
        "characters_texts.npy": array(np.full_like(np.load(io.BytesIO(files["characters_texts.npy"])), 9999)),
        "words_idf.npy": array(np.zeros(3, dtype=np.float32)),
        "characters.npy": array(np.frombuffer(b"\xff\xfe\n", dtype=np.uint8)),
        "words.npy": array(np.zeros((2, 2), dtype=np.uint8)),
    }.items():
        refuse(archive(files | {name: content}), tmp_path)
    refuse(archive(files | {"lexical.npy": array(weights.astype(np.float64))}), tmp_path)
    refuse(archive(files | {"lexical.npy": array(np.asfortranarray(weights))}), tmp_path)
    refuse(archive(files | {"lexical.npy": array(np.full_like(weights, np.nan))}), tmp_path)
    refuse(archive({name: content for name, content in files.items() if name != "starts.npy"}), tmp_path)
    refuse(archive(files | {"extra.npy": array([1.0])}), tmp_path)


def test_an_array_that_claims_to_be_huge_allocates_nothing(good: bytes, tmp_path: Path) -> None:
    files = members(good)
    claim = files["lexical.npy"].replace(b"'shape': (", b"'shape': (9999999", 1)
    refuse(archive(files | {"lexical.npy": claim}), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": "1"},
        {"surprise": 1},
        {"adapters": []},
        {"adapters": [{"name": "../up", "keywords": [], "minimum_confidence": 0}]},
        {"adapters": [{"name": "sums", "keywords": [], "minimum_confidence": 7}]},
        {"names": ["sums"]},
        {"names": ["sums", "travel", "nobody-knows"]},
        {"lexical": None},
        {"lexical": {"temperature": 0.0}},
        {"lexical": {"mean": [0] * 3}},
        {"lexical": {"doubt": 2}},
        {"wrong_cost": -1},
    ],
)
def test_a_header_that_says_something_else_is_refused(good: bytes, changes: dict[str, object], tmp_path: Path) -> None:
    refuse(archive(with_header(members(good), **changes)), tmp_path)


def test_a_header_that_tells_of_a_stage_without_weights_is_refused(good: bytes, tmp_path: Path) -> None:
    files = members(good)
    refuse(archive(with_header(files, meaning=header_of(files)["lexical"])), tmp_path)


def test_a_header_that_says_the_same_is_taken(good: bytes, tmp_path: Path) -> None:
    files = members(good)
    (tmp_path / "router.npz").write_bytes(archive(with_header(files, lexical=header_of(files)["lexical"])))
    assert load(tmp_path / "router.npz").decide(QUESTIONS[0]).adapter is not None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_byte_is_refused_or_harmless(good: bytes, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(good) - 1) | st.integers(len(good) - 900, len(good) - 1) | st.integers(0, 600))
    damaged = bytearray(good)
    damaged[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "flipped.npz"
    path.write_bytes(damaged)
    try:
        decision = load(path).decide("what is 12 + 9")
    except LocomanError:
        return
    assert 0 <= decision.confidence <= 1


def test_loading_and_deciding_need_numpy_alone(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "router.npz"
    path.write_bytes(good)
    program = (
        "import sys; from pathlib import Path; from locoman.routing.storage import load; "
        f"load(Path({str(path)!r})).decide('what is 1 + 1'); "
        "print([m for m in ('sklearn', 'scipy', 'threadpoolctl', 'httpx', 'gguf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
