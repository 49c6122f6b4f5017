from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from locoman.documents import MAX_LINE_BYTES, MAX_TOML_BYTES, read_each, read_jsonl, read_toml
from locoman.errors import InvalidFile, StoreError, UnknownKey


class Inner(msgspec.Struct, frozen=True):
    colour: str = ""


class Outer(msgspec.Struct, frozen=True):
    name: str
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    free: dict[str, str] = {}


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "document"
    path.write_bytes(data)
    return path


def test_a_good_toml_becomes_a_value(tmp_path: Path) -> None:
    path = write(tmp_path, b'name = "x"\n[inner]\ncolour = "red"\n[[many]]\ncolour = "blue"\n[free]\nanything = "goes"')
    assert read_toml(path, Outer) == Outer("x", Inner("red"), (Inner("blue"),), {"anything": "goes"})


def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownKey) as caught:
        read_toml(write(tmp_path, b'name = "x"\n\n[inner]\ncolor = "red"\n'), Outer)
    assert (caught.value.key, caught.value.nearest, caught.value.line) == ("color", "colour", 4)


def test_broken_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_toml(write(tmp_path, b'name = "x"\nbroken'), Outer)
    assert caught.value.line == 2
    with pytest.raises(InvalidFile) as caught:
        read_toml(write(tmp_path, b'name = "x"\nbro ken = 1\n'), Outer)
    assert (caught.value.line, caught.value.column) == (2, 5)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"name = 3", b"", b"x" * (MAX_TOML_BYTES + 1), b"a = " + b"[" * 5000, b'name = "\x00"']
)
def test_a_toml_that_cannot_be_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidFile):
        read_toml(write(tmp_path, data), Outer)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="missing"):
        read_toml(tmp_path / "none.toml", Outer)


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    with pytest.raises((InvalidFile, StoreError)):
        read_toml(tmp_path, Outer)


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b'{"name": "a"}\n{"name": }\n', 2, 10),
        (b'{"name": "a"}\n\n{"nam": "b"}', 3, None),
        (b'{"name": "a"}\n{"name": 3}', 2, None),
        (b'{"name": "\xff"}', 1, 11),
        (b'"text"', 1, None),
        (b"[" * 100_000, 1, None),
        (b'{"name": ' + b"9" * 5000 + b"}", 1, None),
        (b'{"name": "' + b"x" * MAX_LINE_BYTES + b'"}', 1, None),
    ],
)
def test_a_broken_line_is_told_with_its_place(tmp_path: Path, data: bytes, line: int, column: int | None) -> None:
    with pytest.raises(InvalidFile) as caught:
        list(read_jsonl(write(tmp_path, data), Outer))
    assert caught.value.line == line
    if column:
        assert caught.value.column == column


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    assert [x.name for x in read_jsonl(write(tmp_path, b'{"name": "a"}\n\n  \n{"name": "b"}'), Outer)] == ["a", "b"]


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\ud800": 1}', '{"name": "a\\udfffb"}', '{"name": ["\\ud83d"]}'])
def test_half_a_character_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"name": "\\ud83d\\ude00"}\n' + text + "\n")
    first, second = read_each(path, Outer)
    assert first == (1, Outer("😀"))
    assert isinstance(second[1], InvalidFile)
    assert (second[1].line, "half a character" in second[1].detail) == (2, True)


def test_a_byte_order_mark_before_the_text_says_nothing(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    mark = b"\xef\xbb\xbf"
    assert read_toml(write(tmp_path, mark + b'name = "x"'), Outer) == Outer("x")
    assert list(read_jsonl(write(tmp_path, mark + b'{"name": "x"}\r\n{"name": "y"}\r\n'), Outer)) == [
        Outer("x"),
        Outer("y"),
    ]
    assert list(read_each(write(tmp_path, mark + b"\n\n"), Outer)) == []
    with pytest.raises(InvalidFile) as caught:
        list(read_jsonl(write(tmp_path, b'{"name": "x"}\n' + mark + b'{"name": "y"}\n'), Outer))
    assert caught.value.line == 2
