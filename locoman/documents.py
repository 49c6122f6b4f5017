"""Reads TOML and JSON-lines files that somebody else wrote into typed values, with bounds and clear refusals."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from locoman.errors import InvalidFile, LocomanError, StoreError, UnknownKey
from locoman.names import nearest

T = TypeVar("T")

MAX_TOML_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 20
MAX_JSONL_BYTES = 1 << 28
A_FOLDER = "it is a folder, and a file is needed"
_BOM = "\ufeff"
"""What some editors on Windows put before UTF-8 text; it says nothing."""


def read_toml(path: Path, kind: type[T]) -> T:
    """The TOML file as a value of the msgspec Struct `kind`.

    Raises InvalidFile (too large, not UTF-8, broken TOML with its line, a value of the wrong type) and UnknownKey.
    """
    return parse_toml(read_text(path, MAX_TOML_BYTES), path, kind)


def parse_toml(text: str, path: Path, kind: type[T]) -> T:
    """As `read_toml`, for text already read; `path` is only named in errors."""
    try:
        document = tomllib.loads(text.removeprefix(_BOM))
    except tomllib.TOMLDecodeError as error:
        line, column = _toml_place(str(error), text)
        raise InvalidFile(path, f"broken TOML: {str(error).split(' (at')[0]}", line=line, column=column) from error
    except RecursionError as error:
        raise InvalidFile(path, "the TOML is nested too deeply") from error
    _refuse_unknown_keys(document, kind, path, text)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        line = _line_of_value(str(error), text)
        raise InvalidFile(path, _lower_first(str(error)), line=line) from error


def _line_of_value(message: str, text: str) -> int | None:
    """The line of the last key in the place that msgspec writes at the end of its message, e.g. `$.minimum_confidence[...]`."""
    place = message.rpartition("`$")[2].rstrip("`") if "`$" in message else ""
    keys = [key for key in re.sub(r"\[[^\]]*\]", "", place).split(".") if key]
    return line_of_key(text, keys[-1]) if keys else None


def toml_of(document: Any) -> str:
    """A Struct as TOML; what is None is left out, since TOML has no null."""
    import tomli_w

    return tomli_w.dumps(_without_none(msgspec.to_builtins(document)))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def read_jsonl(path: Path, kind: type[T]) -> Iterator[T]:
    """The lines of a JSON-lines file, each as a value of the Struct `kind`; blank lines are passed over.

    Raises InvalidFile with line and column. Memory is bounded by one line.
    """
    return (value for _, value in read_numbered(path, kind))


def read_numbered(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    """As `read_jsonl`, each value with the number of its line, counted from 1."""
    for number, value in read_each(path, kind):
        if isinstance(value, InvalidFile):
            raise value
        yield number, value


def read_each(path: Path, kind: type[T]) -> Iterator[tuple[int, T | InvalidFile]]:
    """As `read_numbered`, with the error of a line in its place, for whoever wants to know them all.

    Raises InvalidFile (the file is missing, or too large to be read at all), StoreError.
    """
    for number, line in read_lines(path):
        yield number, _line_or_error(line, path, number, kind)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers. Raises InvalidFile (a file or line that is too long), StoreError."""
    if path.exists() and path.stat().st_size > MAX_JSONL_BYTES:
        raise InvalidFile(path, f"larger than {MAX_JSONL_BYTES >> 20} MiB")
    yield from each_line(path)


def each_line(path: Path) -> Iterator[tuple[int, bytes]]:
    """As `read_lines`, of a file of any size: for who stops when he has enough."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise InvalidFile(path, f"a line longer than {MAX_LINE_BYTES >> 20} MiB", line=number)
                if number == 1:
                    line = line.removeprefix(_BOM.encode())
                if line.strip():
                    yield number, line
    except FileNotFoundError as error:
        raise InvalidFile(path, "the file is missing") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def read_text(path: Path, limit: int) -> str:
    """The UTF-8 text of a file of at most `limit` bytes, without a byte order mark; raises InvalidFile, StoreError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise InvalidFile(path, "the file is missing") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > limit:
        raise InvalidFile(path, f"larger than {limit >> 10} KiB")
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise InvalidFile(path, "not UTF-8 text", line=data[: error.start].count(b"\n") + 1) from error


def _unreadable(path: Path, error: OSError) -> LocomanError:
    """A folder cannot be opened as a file; each system has its own words for that."""
    if path.is_dir():
        return InvalidFile(path, A_FOLDER)
    return StoreError(path, _reason(error))


def _line_or_error(line: bytes, path: Path, number: int, kind: type[T]) -> T | InvalidFile:
    try:
        return _json_line(line, path, number, kind)
    except InvalidFile as error:
        return error


def _json_line(line: bytes, path: Path, number: int, kind: type[T]) -> T:
    document = json_of_line(line, path, number)
    _refuse_unknown_keys(document, kind, path, "", line=number)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise InvalidFile(path, _lower_first(str(error)), line=number) from error


def json_of_line(line: bytes, path: Path, number: int) -> Any:
    """What a line of JSON says, whatever it is. Raises InvalidFile with the line."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidFile(path, "not UTF-8 text", line=number, column=error.start + 1) from error
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidFile(path, f"broken JSON: {_lower_first(error.msg)}", line=number, column=error.colno) from error
    except (RecursionError, ValueError) as error:
        raise InvalidFile(path, "broken JSON: nested too deeply or a number too long", line=number) from error
    if "\\u" in text:
        _refuse_half_characters(document, path, number)
    return document


def _refuse_half_characters(document: Any, path: Path, number: int) -> None:
    """An escape such as "\\ud800" alone is text that nothing could be sent or written with."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidFile(path, "broken JSON: an escape that is half a character", line=number) from error


def _refuse_unknown_keys(document: Any, kind: Any, path: Path, text: str, *, line: int | None = None) -> None:
    """Walks `document` beside the Struct `kind`; msgspec alone would not tell the nearest known key."""
    kind = _struct_inside(kind)
    if kind is None or not isinstance(document, dict):
        return
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in document.items():
        if key not in fields:
            close = nearest(key, fields)
            raise UnknownKey(path, key, close[0] if close else None, line=line or line_of_key(text, key))
        inner = fields[key]
        for item in value if isinstance(value, list) else [value]:
            _refuse_unknown_keys(item, inner, path, text, line=line)


def _struct_inside(kind: Any) -> type[msgspec.Struct] | None:
    """The one Struct in a type such as `Spec`, `Spec | None` or `tuple[Spec, ...]`; None for others (and for mappings)."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if getattr(kind, "__origin__", None) is dict:
        return None
    return next((found for arg in getattr(kind, "__args__", ()) if (found := _struct_inside(arg))), None)


def line_of_key(text: str, key: str) -> int | None:
    """The line (from 1) of a TOML or JSON text on which `key` is set."""
    for number, line in enumerate(text.splitlines(), start=1):
        head = line.split("=")[0].strip().strip("[]").strip()
        if key in (head, head.strip("\"'"), head.rpartition(".")[2]):
            return number
    return None


def _toml_place(message: str, text: str) -> tuple[int | None, int | None]:
    """The (line, column) that tomllib writes at the end of its message."""
    if "end of document" in message:
        return text.count("\n") + 1, None
    words = message.replace(",", " ").replace(")", " ").split()
    if "line" in words and "column" in words:
        return int(words[words.index("line") + 1]), int(words[words.index("column") + 1])
    return None, None


def _reason(error: OSError) -> str:
    return _lower_first(error.strerror or str(error))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
