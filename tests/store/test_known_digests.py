from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from locoman.store import identity, known_digests
from locoman.store.known_digests import KnownDigests


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, in order; files count as settled at once."""
    found: list[Path] = []

    def reading(path: Path) -> str:
        found.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(known_digests, "sha256_of", reading)
    monkeypatch.setattr(identity, "SETTLED_NS", -1)
    return found


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, reads: list[Path]) -> None:
    file, cache = tmp_path / "file", tmp_path / "cache" / "digests.json"
    for content in (b"one", b"two"):
        file.write_bytes(content)
        os.utime(file, ns=(0, int.from_bytes(content, "little")))
        for _ in range(2):
            assert KnownDigests(cache).of(file) == hashlib.sha256(content).hexdigest()
    assert reads == [file, file]


def test_a_file_that_was_just_written_is_not_remembered(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "SETTLED_NS", 1 << 60)
    file = tmp_path / "file"
    file.write_bytes(b"one")
    for _ in range(2):
        KnownDigests(tmp_path / "digests.json").of(file)
    assert reads == [file, file]


@pytest.mark.parametrize("broken", [b"", b"[]", b"{", b'[{"identity": 1}]', b"\xff" * 100, b"0" * 100_000])
def test_a_broken_cache_is_done_without(tmp_path: Path, reads: list[Path], broken: bytes) -> None:
    file, cache = tmp_path / "file", tmp_path / "digests.json"
    file.write_bytes(b"one")
    cache.write_bytes(broken)
    assert KnownDigests(cache).of(file) == hashlib.sha256(b"one").hexdigest()
    KnownDigests(cache).of(file)
    assert reads == [file]
