"""Regular expressions from an adapter_config.json, matched against module names in bounded time.

Python's own engine can be made to run for years by a short pattern. This one follows all ways to match at once (Thompson
1968), so a match costs at most places times characters, and all matches of one file share a budget. It knows what people
write to choose modules: literals, ".", classes, groups, "|", anchors and repetition; look-around, references to groups and
flags are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from locoman.errors import Unsupported

MAX_PATTERN_CHARACTERS = 4096
MAX_PLACES = 4096
MAX_DEPTH = 32
MAX_STEPS = 2_000_000
"""Places visited in all matches of one file: about a second."""

_UNLIMITED = -1
_CLASSES: Mapping[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda character: character.isalnum() or character == "_",
    "s": str.isspace,
    "D": lambda character: not character.isdecimal(),
    "W": lambda character: not (character.isalnum() or character == "_"),
    "S": lambda character: not character.isspace(),
}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}

_Test = Callable[[str], bool]


@dataclass(slots=True)
class Budget:
    """The steps that the patterns of the file at `path` may take together."""

    path: Path
    steps: int = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Raises Unsupported when nothing is left."""
        self.steps -= steps
        if self.steps < 0:
            raise Unsupported(self.path, "its patterns for modules take too long to match: write the module names out")


class ModulePattern:
    """A pattern that is to match whole names. Raises Unsupported for one that cannot be matched here."""

    def __init__(self, pattern: str, budget: Budget) -> None:
        parser = _Parser(pattern, budget.path)
        tree = parser.parse()
        self._budget = budget
        self._places: list[_Place] = [_Place()]
        self._refuse = parser.refused
        self._first = self._build(tree, 0)

    def matches(self, name: str) -> bool:
        """Whether the whole of `name` fits. Raises Unsupported when the budget is spent."""
        active = self._follow({self._first}, 0, len(name))
        for position, character in enumerate(name):
            places = (self._places[number] for number in active)
            moved = {place.next for place in places if place.test and place.test(character)}
            active = self._follow(moved, position + 1, len(name))
            if not active:
                return False
        return 0 in active

    def _follow(self, start: set[int], position: int, end: int) -> set[int]:
        """`start`, and all places that can be reached from there without a character."""
        reached, waiting = set(start), list(start)
        while waiting:
            place = self._places[waiting.pop()]
            if place.anchor is None or position == (0 if place.anchor == "^" else end):
                fresh = [number for number in place.free if number not in reached]
                reached.update(fresh)
                waiting += fresh
        self._budget.spend(len(reached) + 1)
        return reached

    def _build(self, node: _Node, after: int) -> int:
        """The place where a match of `node` begins that goes on at `after`; place 0 is the end of the pattern."""
        match node:
            case _Character(test):
                return self._add(_Place(test, after))
            case _Anchor(sign):
                return self._add(_Place(free=[after], anchor=sign))
            case _Sequence(parts):
                for part in reversed(parts):
                    after = self._build(part, after)
                return after
            case _Choice(branches):
                return self._add(_Place(free=[self._build(branch, after) for branch in branches]))
            case _Repeat(part, least, most):
                return self._build_repeat(part, least, most, after)

    def _build_repeat(self, part: _Node, least: int, most: int, after: int) -> int:
        if most == _UNLIMITED:
            entry = self._add(_Place())
            self._places[entry].free += [self._build(part, entry), after]
        else:
            entry = after
            for _ in range(most - least):
                entry = self._add(_Place(free=[self._build(part, entry), after]))
        for _ in range(least):
            entry = self._add(_Place(free=[self._build(part, entry)]))
        return entry

    def _add(self, place: _Place) -> int:
        if len(self._places) >= MAX_PLACES:
            raise self._refuse("too many parts")
        self._places.append(place)
        return len(self._places) - 1


@dataclass(slots=True)
class _Place:
    """A place in a pattern: left by a character that fits `test`, or for nothing to `free` (where the anchor holds)."""

    test: _Test | None = None
    next: int = 0
    free: list[int] = field(default_factory=list)
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class _Character:
    test: _Test


@dataclass(frozen=True, slots=True)
class _Anchor:
    sign: str


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    branches: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    least: int
    most: int


_Node = _Character | _Anchor | _Sequence | _Choice | _Repeat


def _between(low: str, high: str, character: str) -> bool:
    return low <= character <= high


class _Parser:
    """Recursive descent over a pattern."""

    def __init__(self, pattern: str, path: Path) -> None:
        self._text = pattern
        self._path = path
        self._position = 0
        self._depth = 0

    def parse(self) -> _Node:
        if len(self._text) > MAX_PATTERN_CHARACTERS:
            raise self.refused(f"{len(self._text)} characters")
        node = self._choice()
        if self._position < len(self._text):
            raise self.refused("a ) too many")
        return node

    def refused(self, what: str) -> Unsupported:
        return Unsupported(self._path, f"the pattern {self._text[:80]!r} for modules has {what}: write the names out")

    def _choice(self) -> _Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _Choice(tuple(branches))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._position < len(self._text) and self._text[self._position] not in "|)":
            part = self._single()
            if (bounds := self._bounds()) is not None:
                part = _Repeat(part, *bounds)
                if not self._take("?") and self._take("+"):  # a lazy repetition matches the same whole names
                    raise self.refused("a possessive repetition")
            if self._bounds() is not None:
                raise self.refused("a repetition of nothing")
            parts.append(part)
        return _Sequence(tuple(parts))

    def _single(self) -> _Node:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return _Character(self._class())
        if character == ".":
            return _Character(lambda other: other != "\n")
        if character in "^$":
            return _Anchor(character)
        if character in "*+?":
            raise self.refused("a repetition of nothing")
        return _Character(self._escape() if character == "\\" else character.__eq__)

    def _group(self) -> _Node:
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

    def _class(self) -> _Test:
        """What stands between [ and ]."""
        negated = self._take("^")
        tests: list[_Test] = []
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

    def _escape(self) -> _Test:
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
        for sign, bounds in (("*", (0, _UNLIMITED)), ("+", (1, _UNLIMITED)), ("?", (0, 1))):
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
        most = least if not comma else int(high) if high else _UNLIMITED
        if most != _UNLIMITED and most < least:
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
