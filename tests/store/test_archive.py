"""Archives by whomever: what is hostile is refused before it is unpacked, and no byte of ours changes unseen."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.errors import InvalidFile, LocomanError
from locoman.store.archive import MAX_DIRECTORY_BYTES, open_archive
from locoman.store.new_archive import files_of, new_archive

CONTENTS = {"adapter.toml": b"format = 1\n", "weights/base/a.bin": bytes(range(256)) * 40, "empty": b""}
ROOM = 1 << 20


def ours(path: Path, contents: dict[str, bytes] = CONTENTS) -> Path:
    """An archive as locoman writes it."""
    with path.open("w+b") as file, new_archive(file, path) as archive:
        for name, data in contents.items():
            archive.add(name, io.BytesIO(data), len(data))
    return path


def theirs(path: Path, *names: str | zipfile.ZipInfo, data: bytes = b"x") -> Path:
    """An archive as another program writes it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, data)
    return path


def read_all(path: Path, folder: Path) -> dict[str, bytes]:
    with open_archive(path, max_bytes=ROOM) as archive:
        archive.unpack(folder)
    return {name: found.read_bytes() for name, found in files_of(folder)}


def refused(path: Path, folder: Path) -> str:
    with pytest.raises(InvalidFile) as caught:
        read_all(path, folder)
    return caught.value.detail


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    path = ours(tmp_path / "a.zip")
    assert read_all(path, tmp_path / "out") == CONTENTS
    with open_archive(path, max_bytes=ROOM) as archive:
        archive.check_seal()
        assert archive.read("adapter.toml", 100) == CONTENTS["adapter.toml"]
        assert archive.digest("empty") == hashlib.sha256(b"").hexdigest()


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    assert ours(tmp_path / "a.zip").read_bytes() == ours(tmp_path / "b.zip").read_bytes()


def test_any_zip_program_can_read_ours(tmp_path: Path) -> None:
    with zipfile.ZipFile(ours(tmp_path / "a.zip")) as archive:
        assert archive.testzip() is None
        assert archive.read("weights/base/a.bin") == CONTENTS["weights/base/a.bin"]


def test_what_another_program_packed_is_read_too(tmp_path: Path) -> None:
    path = theirs(tmp_path / "a.zip", "words/", "words/adapter.toml", data=b"")
    assert read_all(path, tmp_path / "out") == {"words/adapter.toml": b""}


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["../evil"], "leaves"),
        (["a/../../evil"], "leaves"),
        (["/etc/passwd"], "leaves"),
        (["C:/evil"], "leaves"),
        (["a\\..\\evil"], "leaves"),
        (["a//b"], "leaves"),
        (["./a"], "leaves"),
        (["nul.txt"], "leaves"),
        (["a/COM1"], "leaves"),
        (["a "], "leaves"),
        (["a."], "leaves"),
        (["a\u202eb"], "leaves"),
        (["x" * 300], "leaves"),
        ([link("a")], "link"),
        (["a", "A"], "same name"),
        (["caf\u00e9", "cafe\u0301"], "same name"),
        (["a", "a/b"], "file and a folder"),
    ],
)
def test_hostile_names_are_refused_and_nothing_is_written(tmp_path: Path, names: list[str], told: str) -> None:
    path = theirs(tmp_path / "a.zip", *names)
    assert told in refused(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    assert "same name" in refused(theirs(tmp_path / "a.zip", "a", "a"), tmp_path / "out")


def test_a_bomb_is_refused_by_what_it_announces(tmp_path: Path) -> None:
    path = theirs(tmp_path / "a.zip", "a", data=bytes(ROOM + 1))
    assert path.stat().st_size < 2000
    assert "unpack to more" in refused(path, tmp_path / "out")


def test_a_bomb_that_announces_too_little_is_cut_off(tmp_path: Path) -> None:
    path = theirs(tmp_path / "a.zip", "a", data=bytes(500_000))
    data = path.read_bytes()
    assert data.count(struct.pack("<L", 500_000)) == 2
    path.write_bytes(data.replace(struct.pack("<L", 500_000), struct.pack("<L", 100)))
    assert "a in it" in refused(path, tmp_path / "out")
    assert not (tmp_path / "out" / "a").exists() or (tmp_path / "out" / "a").stat().st_size <= 100


def test_files_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = theirs(tmp_path / "a.zip", "a", "b", data=bytes(1000))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", directory + 1)
    data[second + 42 : second + 46] = data[directory + 42 : directory + 46]  # where its content begins
    path.write_bytes(data)
    assert "overlap" in refused(path, tmp_path / "out")


def test_a_directory_too_large_to_read_is_refused_unread(tmp_path: Path) -> None:
    path = ours(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\5\6")
    data[at + 12 : at + 16] = struct.pack("<L", MAX_DIRECTORY_BYTES + 1)
    path.write_bytes(data)
    assert "announces" in refused(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: data + b"\0", "cut short, or something"),
        (lambda data: b"<html><body>Log in</body></html>", "neither"),
        (lambda data: b"", "neither"),
    ],
)
def test_what_is_no_whole_archive_is_told(tmp_path: Path, spoil: Callable[[bytes], bytes], told: str) -> None:
    path = ours(tmp_path / "a.zip")
    path.write_bytes(spoil(path.read_bytes()))
    assert told in refused(path, tmp_path / "out")


def verified(path: Path, digests: dict[str, str]) -> None:
    """What `bundle verify` does: the seal, and each content's digest."""
    with open_archive(path, max_bytes=ROOM) as archive:
        archive.check_seal()
        found = {entry.name: archive.digest(entry.name) for entry in archive.entries}
    if found != digests:
        raise InvalidFile(path, "other contents")


@settings(max_examples=300, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_byte_can_change_unseen(tmp_path_factory: pytest.TempPathFactory, where: float, bit: int) -> None:
    folder = tmp_path_factory.mktemp("flip")
    path = ours(folder / "a.zip", {"a": b"hello", "b/c": b"", "d": bytes(20)})
    digests = {"a": hashlib.sha256(b"hello").hexdigest(), "b/c": hashlib.sha256(b"").hexdigest()}
    digests["d"] = hashlib.sha256(bytes(20)).hexdigest()
    verified(path, digests)
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(LocomanError):
        verified(path, digests)


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=200), tail=st.binary(max_size=60))
def test_garbage_is_refused_without_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("junk") / "a.zip"
    path.write_bytes(
        b"PK\3\4" + junk + b"PK\1\2" + tail + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 1, 1, 46, len(junk), 0)
    )
    with pytest.raises(LocomanError), open_archive(path, max_bytes=ROOM) as archive:
        archive.unpack(path.parent / "out")
