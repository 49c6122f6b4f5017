"""Academic years and semesters: when a change of base may take effect, and until when the old one is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from locoman.errors import UsageError

Term = Literal["spring", "autumn"]


@dataclass(frozen=True, slots=True)
class Semester:
    """A semester, named by the calendar year in which it begins: "2027-spring"."""

    year: int
    term: Term

    @classmethod
    def parse(cls, text: str) -> Semester:
        """Raises UsageError."""
        found = re.fullmatch(r"(\d{4})-(spring|autumn)", text)
        if found is None or not 1900 <= int(found[1]) <= 9000:
            raise UsageError(f"{text!r} is no semester; it is written like 2027-spring or 2027-autumn.")
        return cls(int(found[1]), "spring" if found[2] == "spring" else "autumn")

    @property
    def academic_year(self) -> str:
        """Autumn and the spring that follows it: "2026-27"."""
        first = self.year if self.term == "autumn" else self.year - 1
        return f"{first}-{(first + 1) % 100:02}"

    @property
    def next(self) -> Semester:
        """The one after it."""
        return Semester(self.year, "autumn") if self.term == "spring" else Semester(self.year + 1, "spring")

    def __str__(self) -> str:
        return f"{self.year}-{self.term}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The (month, day) on which spring and autumn begin; spring lies before autumn in a calendar year."""

    spring: tuple[int, int] = (2, 1)
    autumn: tuple[int, int] = (9, 1)

    @classmethod
    def parse(cls, spring: str, autumn: str) -> Calendar:
        """From "MM-DD" each; raises UsageError."""
        calendar = cls(_day(spring), _day(autumn))
        if calendar.spring >= calendar.autumn:
            raise UsageError("calendar.spring must lie before calendar.autumn in the year.")
        return calendar

    def begins(self, semester: Semester) -> date:
        """Its first day."""
        return date(semester.year, *(self.spring if semester.term == "spring" else self.autumn))

    def of(self, day: date) -> Semester:
        """The semester in which `day` lies."""
        if (day.month, day.day) >= self.autumn:
            return Semester(day.year, "autumn")
        return Semester(day.year, "spring") if (day.month, day.day) >= self.spring else Semester(day.year - 1, "autumn")


def _day(text: str) -> tuple[int, int]:
    try:
        parsed = date.fromisoformat(f"2001-{text}")  # no leap year: a semester that begins on 29 February never would
    except ValueError:
        raise UsageError(f"{text!r} is no day of the year; it is written as MM-DD, like 09-01.") from None
    return parsed.month, parsed.day
