"""Parses Modelfiles as Ollama does (its parser/parser.go), but for unknown instructions, which are kept.

There are no escapes. A value ends with its line, unless it begins with a quote: then with the first line that ends with
the same quote (one or three). Characters that Go does not print (its strconv.IsPrint: controls, format characters such
as joiners, spaces other than the common one) are dropped, and a tab is not. A comment is a line that begins with "#"
where an instruction could begin. What is printable is looked up in Python's Unicode tables: of characters younger than
they are, and older than Go's, a text loses here what it would not lose there.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import InvalidFile
from locoman.ollama.modelfile.value import KNOWN, ROLES, Instruction, Modelfile
from locoman.store.atomic import mapped

MAX_BYTES = 4 << 20
MAX_LINES = 200_000
MAX_INSTRUCTIONS = 10_000

_BLANKS = " \t\r\n"
_LINE = re.compile(r"[^\r\n]*")
_GAP = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[^\r\n]?[A-Za-z]*")
_KEY = re.compile(r"[A-Za-z0-9_]*")
_ROLE = re.compile(r"[A-Za-z]*")
_AS_NAMES = {"model": "FROM", **{name.lower(): name for name in KNOWN if name not in ("FROM", "PARAMETER", "MESSAGE")}}
"""Parameters that Ollama takes for the instruction, because it keeps both under one name."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The first character of a line that Ollama leaves out of a value."""

    line: int
    character: str


def read_modelfile(path: Path) -> Modelfile:
    """The Modelfile at `path`. Raises InvalidFile with the line, StoreError."""
    return parse_modelfile(read_text(path), path)


def read_text(path: Path) -> str:
    """The text, in UTF-8, or UTF-16 with its mark. Raises InvalidFile, StoreError.

    Bytes that are neither are refused: Ollama would put U+FFFD in their place and go on.
    """
    with mapped(path):
        if not path.exists():
            raise InvalidFile(path, "the file is missing")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidFile(path, f"larger than {MAX_BYTES >> 20} MiB")
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidFile(path, f"not {encoding.upper()} text", line=line) from error


def parse_modelfile(text: str, path: Path | str = "Modelfile") -> Modelfile:
    """The value of `text`; `path` is only named in errors. Raises InvalidFile with the line."""
    if len(text) > MAX_BYTES:
        raise InvalidFile(path, f"larger than {MAX_BYTES >> 20} MiB")
    found = tuple(_Scanner(text, path).instructions())
    if not any(instruction.name == "FROM" for instruction in found):
        raise InvalidFile(path, "no FROM says which model this is about")
    return Modelfile(found)


def dropped_characters(text: str) -> tuple[Dropped, ...]:
    """What Ollama leaves out of the values in `text`. Raises InvalidFile where `text` is no Modelfile."""
    scanner = _Scanner(text, "Modelfile")
    for _ in scanner.instructions():
        pass
    return tuple(scanner.dropped)


def printed(text: str) -> str:
    """`text` (a line) without what Ollama drops."""
    if text.replace("\t", " ").isprintable():
        return text
    return "".join(character for character in text if character.isprintable() or character == "\t")


class _Scanner:
    """Walks through the text once."""

    def __init__(self, text: str, path: Path | str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.path = path
        self.at = 0
        self.line = 1
        self.dropped: list[Dropped] = []

    def instructions(self) -> Iterator[Instruction]:
        count = 0
        while self._seek():
            if count == MAX_INSTRUCTIONS:
                raise self._invalid(f"more than {MAX_INSTRUCTIONS:,} instructions")
            count += 1
            yield self._instruction()

    def _seek(self) -> bool:
        """Goes to the next instruction; False at the end."""
        while True:
            self._pass(_GAP)
            if self.at == len(self.text):
                return False
            if self.text[self.at] != "#":
                return True
            self._pass(_LINE)

    def _instruction(self) -> Instruction:
        line = self.line
        word = printed(self._pass(_WORD))
        name = word.upper()
        if not word.isascii() or not word.isalpha():
            raise self._invalid(f"an instruction cannot begin with {word[:1]!r}")
        self._blank(f"{name[:40]} has no value")
        key = ""
        if name == "PARAMETER":
            key = self._pass(_KEY)
            self._blank(f"PARAMETER {key[:40]} has no value" if key else "PARAMETER needs a name and a value")
            if key == "message":
                raise self._invalid("'message' is an instruction, not a parameter")
            if key in _AS_NAMES:
                name, key = _AS_NAMES[key], ""
        elif name == "MESSAGE":
            key = self._pass(_ROLE)
            self._blank(f"MESSAGE {key} has no text" if key in ROLES else f"a MESSAGE comes from {', '.join(ROLES)}")
            if key not in ROLES:
                raise self._invalid(
                    f"a MESSAGE comes from {', '.join(ROLES)}, with one blank before it, not {key[:40]!r}"
                )
        return Instruction(name, self._value(name, line), key, line)

    def _value(self, name: str, line: int) -> str:
        value = QuotedText()
        while True:
            raw = self._pass(_LINE)
            shown = printed(raw)
            if len(shown) != len(raw):
                self.dropped.append(Dropped(self.line, next(c for c in raw if c != "\t" and not c.isprintable())))
            value.add(shown)
            if value.closed:
                return value.text()
            if self.at == len(self.text):
                raise self._invalid(f"the quotes of this {name[:40]} are never closed at the end of a line", line)
            value.add(self.text[self.at])
            self._newline()

    def _blank(self, problem: str) -> None:
        """Passes the one blank that ends a word."""
        if self.text[self.at : self.at + 1] not in (" ", "\t"):
            raise self._invalid(problem)
        self.at += 1

    def _pass(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        found = match[0] if match else ""
        self.at += len(found)
        if pattern is _GAP:
            self._count(found.count("\n") + found.replace("\r\n", "\n").count("\r"))
        return found

    def _newline(self) -> None:
        """Passes a line's end; of the two characters of one, the first does not count."""
        if self.text[self.at : self.at + 2] != "\r\n":
            self._count(1)
        self.at += 1

    def _count(self, lines: int) -> None:
        self.line += lines
        if self.line > MAX_LINES:
            raise InvalidFile(self.path, f"more than {MAX_LINES:,} lines")

    def _invalid(self, detail: str, line: int | None = None) -> InvalidFile:
        return InvalidFile(self.path, detail, line=line or self.line)


class QuotedText:
    """A value as its lines come, and whether it ends here; the time it takes grows with the text alone."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._head = ""  # the first three characters behind the leading blanks
        self._recent = ""  # the last two characters
        self._tail = ""  # the last three characters before the trailing blanks
        self._length = 0  # from the first that is no blank
        self._trimmed = 0  # the same, to the last that is no blank

    def add(self, part: str) -> None:
        """Takes a line, or the end of one."""
        self._parts.append(part)
        if not self._length:
            part = part.lstrip(_BLANKS)
        if len(self._head) < 3:
            self._head += part[: 3 - len(self._head)]
        content = part.rstrip(_BLANKS)
        if content:
            self._tail = (self._recent + content)[-3:]
            self._trimmed = self._length + len(content)
        self._length += len(part)
        self._recent = (self._recent + part)[-2:]

    @property
    def closed(self) -> bool:
        """Whether the value can end here: unquoted, or with its quotes closed."""
        if self._head == '"""':
            return self._trimmed >= 6 and self._tail == '"""'
        if self._head.startswith('"'):
            return self._trimmed >= 2 and self._tail.endswith('"')
        return True

    def text(self) -> str:
        """The value, which is closed."""
        text = "".join(self._parts).strip(_BLANKS)
        quotes = 3 if text.startswith('"""') else 1 if text.startswith('"') else 0
        return text[quotes : len(text) - quotes]
