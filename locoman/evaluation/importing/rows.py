"""JSON lines with whatever keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.documents import json_of_line, read_lines
from locoman.errors import InvalidFile
from locoman.evaluation.suite_file import MAX_CASES


@dataclass(frozen=True, slots=True)
class Row:
    """A line's object; lines count from 1."""

    path: Path
    line: int
    fields: dict[str, Any]

    def text(self, key: str) -> str:
        """A field that is a text. Raises InvalidFile with the line."""
        value = self.fields.get(key)
        if not isinstance(value, str):
            raise self.wrong(f"{key!r} is missing" if value is None else f"{key!r} is no text")
        return value

    def wrong(self, detail: str) -> InvalidFile:
        """What is wrong with this line."""
        return InvalidFile(self.path, detail, line=self.line)


def read_rows(path: Path) -> list[Row]:
    """At least one line. Raises InvalidFile with the line, StoreError."""
    rows = []
    for number, line in read_lines(path):
        fields = json_of_line(line, path, number)
        if not isinstance(fields, dict):
            raise InvalidFile(path, "no JSON object", line=number)
        rows.append(Row(path, number, fields))
        if len(rows) > MAX_CASES:
            raise InvalidFile(path, f"more than {MAX_CASES:,} lines")
    if not rows:
        raise InvalidFile(path, "there is no line in it")
    return rows
