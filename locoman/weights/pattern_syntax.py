"""The regular expressions that an adapter_config.json may hold, as trees.

Known is what people write to choose modules: literals, ".", classes, groups, "|", anchors and repetition. Look-around,
references to groups, flags and possessive repetition are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from locoman.errors import Unsupported

MAX_PATTERN_CHARACTERS = 4096
MAX_DEPTH = 32
UNLIMITED = -1
"""As the upper bound of a repetition."""

_CLASSES: Mapping[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda character: character.isalnum() or character == "_",
    "s": str.isspace,
    "D": lambda character: not character.isdecimal(),
    "W": lambda character: not (character.isalnum() or character == "_"),
    "S": lambda character: not character.isspace(),
}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}

Test = Callable[[str], bool]
"""Whether a character fits."""


@dataclass(frozen=True, slots=True)
class Character:
    test: Test


@dataclass(frozen=True, slots=True)
class Anchor:
    sign: str


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: Node
    least: int
    most: int


Node = Character | Anchor | Sequence | Choice | Repeat


def _between(low: str, high: str, character: str) -> bool:
    return low <= character <= high


class Parser:
    """Recursive descent over a pattern."""

    def __init__(self, pattern: str, path: Path) -> None:
        self._text = pattern
        self._path = path
        self._position = 0
        self._depth = 0

    def parse(self) -> Node:
        if len(self._text) > MAX_PATTERN_CHARACTERS:
            raise self.refused(f"{len(self._text)} characters")
        node = self._choice()
        if self._position < len(self._text):
            raise self.refused("a ) too many")
        return node

    def refused(self, what: str) -> Unsupported:
        return Unsupported(self._path, f"the pattern {self._text[:80]!r} for modules has {what}: write the names out")

    def _choice(self) -> Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._position < len(self._text) and self._text[self._position] not in "|)":
            part = self._single()
            if (bounds := self._bounds()) is not None:
                part = Repeat(part, *bounds)
                if not self._take("?") and self._take("+"):  # a lazy repetition matches the same whole names
                    raise self.refused("a possessive repetition")
            if self._bounds() is not None:
                raise self.refused("a repetition of nothing")
            parts.append(part)
        return Sequence(tuple(parts))

    def _single(self) -> Node:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return Character(self._class())
        if character == ".":
            return Character(lambda other: other != "\n")
        if character in "^$":
            return Anchor(character)
        if character in "*+?":
            raise self.refused("a repetition of nothing")
        return Character(self._escape() if character == "\\" else character.__eq__)

    def _group(self) -> Node:
        if self._take("?") and not self._take(":"):
            raise self.refused("a group with (?")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refused("too many groups inside each other")
        node = self._choice()
        self._depth -= 1
        if not self._take(")"):
            raise self.refused("a ( too many")
        return node

    def _class(self) -> Test:
        """What stands between [ and ]."""
        negated = self._take("^")
        tests: list[Test] = []
        while not self._take("]") or not tests:
            character = self._next()
            if character == "\\" and self._text[self._position : self._position + 1] in _CLASSES:
                tests.append(self._escape())
                continue
            low = self._literal(character)
            if self._text.startswith("-", self._position) and not self._text.startswith("-]", self._position):
                self._position += 1
                high = self._literal(self._next())
                if high < low:
                    raise self.refused("a range that runs backwards")
                tests.append(partial(_between, low, high))
            else:
                tests.append(low.__eq__)
        return lambda character: any(test(character) for test in tests) != negated

    def _escape(self) -> Test:
        character = self._next()
        return _CLASSES[character] if character in _CLASSES else self._escaped(character).__eq__

    def _literal(self, character: str) -> str:
        return self._escaped(self._next()) if character == "\\" else character

    def _escaped(self, character: str) -> str:
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum():
            raise self.refused(f"\\{character}")
        return character

    def _bounds(self) -> tuple[int, int] | None:
        """(least, most) of a repetition that stands here, if any."""
        for sign, bounds in (("*", (0, UNLIMITED)), ("+", (1, UNLIMITED)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        end = self._text.find("}", self._position)
        if not self._text.startswith("{", self._position) or end < 0:
            return None
        low, comma, high = self._text[self._position + 1 : end].partition(",")
        if not all(part.isdecimal() and len(part) < 5 for part in (low, high) if part) or not low + high:
            return None  # braces that mean themselves, as in Python
        self._position = end + 1
        least = int(low or 0)
        most = least if not comma else int(high) if high else UNLIMITED
        if most != UNLIMITED and most < least:
            raise self.refused("a repetition that runs backwards")
        return least, most

    def _next(self) -> str:
        if self._position >= len(self._text):
            raise self.refused("no end")
        self._position += 1
        return self._text[self._position - 1]

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._position)
        self._position += len(text) if found else 0
        return found
