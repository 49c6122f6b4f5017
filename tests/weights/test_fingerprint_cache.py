from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from support.checkpoints import Made

from locoman.errors import InvalidFile
from locoman.store import identity
from locoman.weights import fingerprint_cache
from locoman.weights.fingerprint import fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.fingerprint_cache import FingerprintCache
from locoman.weights.gguf_model import GgufModel
from locoman.weights.model_plan import write_model
from locoman.weights.quantize import plan_quantization


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all files of this test had been left alone for long enough."""
    monkeypatch.setattr(identity, "SETTLED_NS", -1)


@pytest.fixture
def model(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copy(made.gguf, tmp_path / "model.gguf"))


@pytest.fixture
def cache(tmp_path: Path) -> FingerprintCache:
    return FingerprintCache(tmp_path / "cache" / "fingerprints.json")


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on no model may be read."""

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(fingerprint_cache, "fingerprint_of_gguf", refuse)
    monkeypatch.setattr(fingerprint_cache, "fingerprint_of_checkpoint", refuse)


@pytest.mark.usefixtures("settled")
def test_what_is_known_is_not_read_again(
    made: Made, model: Path, cache: FingerprintCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.of(model), cache.of(made.checkpoint)
    assert first == (fingerprint_of_gguf(model), fingerprint_of_checkpoint(made.checkpoint))
    unread(monkeypatch)
    assert (cache.of(model), cache.of(made.checkpoint)) == first


@pytest.mark.usefixtures("settled")
def test_a_file_that_was_changed_or_replaced_is_read_again(made: Made, model: Path, cache: FingerprintCache) -> None:
    before = cache.of(model)
    with GgufModel.open(model) as opened:
        write_model(plan_quantization(opened, "Q4_0", requantize=True).model, model.with_name("other.gguf"))
    times = model.stat().st_atime_ns, model.stat().st_mtime_ns
    other = model.with_name("other.gguf").read_bytes()
    model.write_bytes(other)
    os.utime(model, ns=times)
    assert cache.of(model) == fingerprint_of_gguf(model) != before
    model.unlink()
    with pytest.raises(InvalidFile, match="missing"):
        cache.of(model)


@pytest.mark.usefixtures("settled")
def test_any_file_of_a_checkpoint_and_any_shard_counts(
    made: Made, model: Path, cache: FingerprintCache, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(made.checkpoint, tmp_path / "copy"))
    before = cache.of(folder)
    (folder / "chat_template.jinja").write_text("another")
    assert cache.of(folder).template != before.template
    with GgufModel.open(model) as opened:
        shards = write_model(plan_quantization(opened, "Q8_0").model, tmp_path / "s.gguf", split=True)
    assert cache.of(shards[0]) == cache.of(shards[2]) == fingerprint_of_gguf(model)
    shards[1].unlink()
    with pytest.raises(InvalidFile, match="missing"):
        cache.of(shards[0])


@pytest.mark.skipif(os.name != "posix", reason="makes files old, which Windows shows in one time only")
def test_what_was_written_just_now_is_not_remembered(model: Path, cache: FingerprintCache, tmp_path: Path) -> None:
    long_ago = time.time_ns() - 10**12
    os.utime(model, ns=(long_ago, long_ago))  # the time of the inode is still of now
    cache.of(model)
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("spoil", [b"", b"{", b"[]", b'{"version": 1, "entries": [1]}', b"x" * (2 << 20)])
def test_a_broken_cache_is_as_good_as_none(model: Path, tmp_path: Path, spoil: bytes) -> None:
    path = tmp_path / "fingerprints.json"
    cache = FingerprintCache(path)
    before = cache.of(model)
    path.write_bytes(spoil)
    assert cache.of(model) == before
    assert json.loads(path.read_bytes())["entries"][0]["fingerprint"] == str(before)
    document = json.loads(path.read_bytes())
    document["entries"][0]["fingerprint"] = "no fingerprint"
    path.write_text(json.dumps(document))
    assert cache.of(model) == before


@pytest.mark.usefixtures("settled")
def test_a_cache_that_cannot_be_written_is_as_good_as_none(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert FingerprintCache(tmp_path / "file" / "cache.json").of(model) == fingerprint_of_gguf(model)


@pytest.mark.usefixtures("settled")
def test_the_cache_stays_small(
    model: Path, cache: FingerprintCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint_cache, "MAX_ENTRIES", 3)
    for number in range(5):
        cache.of(Path(shutil.copy(model, tmp_path / f"{number}.gguf")))
    cache.of(tmp_path / "4.gguf")
    entries = json.loads((tmp_path / "cache" / "fingerprints.json").read_bytes())["entries"]
    assert [Path(entry["identity"][0][0]).name for entry in entries] == ["2.gguf", "3.gguf", "4.gguf"]
    monkeypatch.setattr(fingerprint_cache, "MAX_BYTES", 900)
    cache.of(model)
    assert (tmp_path / "cache" / "fingerprints.json").stat().st_size <= 900
