"""Regular expressions from an adapter_config.json, matched against module names in bounded time.

Python's own engine can be made to run for years by a short pattern. This one follows all ways to match at once (Thompson
1968), so a match costs at most places times characters, and all matches of one file share a budget. What
patterns may hold is told in `pattern_syntax`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from locoman.errors import Unsupported
from locoman.weights.pattern_syntax import UNLIMITED, Anchor, Character, Choice, Node, Parser, Repeat, Sequence, Test

MAX_PLACES = 4096
MAX_STEPS = 2_000_000
"""Places visited in all matches of one file: about a second."""


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
        syntax = Parser(pattern, budget.path)
        self._budget = budget
        self._places: list[_Place] = [_Place()]
        self._refuse = syntax.refused
        self._first = self._build(syntax.parse(), 0)

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

    def _build(self, node: Node, after: int) -> int:
        """The place where a match of `node` begins that goes on at `after`; place 0 is the end of the pattern."""
        match node:
            case Character(test):
                return self._add(_Place(test, after))
            case Anchor(sign):
                return self._add(_Place(free=[after], anchor=sign))
            case Sequence(parts):
                for part in reversed(parts):
                    after = self._build(part, after)
                return after
            case Choice(branches):
                return self._add(_Place(free=[self._build(branch, after) for branch in branches]))
            case Repeat(part, least, most):
                return self._build_repeat(part, least, most, after)

    def _build_repeat(self, part: Node, least: int, most: int, after: int) -> int:
        if most == UNLIMITED:
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

    test: Test | None = None
    next: int = 0
    free: list[int] = field(default_factory=list)
    anchor: str | None = None
