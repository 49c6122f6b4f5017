"""Dates: from one way of writing to another, and counting days on and back."""

from __future__ import annotations

import random

from tiny.tasks.phrasing import Phrasings, phrasings
from tiny.tasks.task import Problem, Task

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def day_and_month(ordinal: int) -> str:
    """The date of a day of a common year, e.g. 0 -> "January 1"; runs over into the next year."""
    ordinal %= 365
    month = 0
    while ordinal >= DAYS[month]:
        ordinal -= DAYS[month]
        month += 1
    return f"{MONTHS[month]} {ordinal + 1}"


def draw(kind: str, rng: random.Random) -> Problem:
    """The beginner counts months from zero and counts the first day in, so is off by one."""
    if kind in ("to_words", "to_iso", "dotted"):
        return _written(kind, rng)
    return _days(kind, rng)


def _written(kind: str, rng: random.Random) -> Problem:
    year, month = rng.randint(1950, 2049), rng.randint(1, 12)
    day = rng.randint(1, DAYS[month - 1])
    off = month % 12 + 1
    iso, words, dotted = f"{year}-{month:02}-{day:02}", f"{MONTHS[month - 1]} {day}, {year}", f"{day}.{month}.{year}"
    shown, answer = {"to_words": (iso, words), "to_iso": (words, iso), "dotted": (dotted, iso)}[kind]
    mistake = f"{MONTHS[off - 1]} {day}, {year}" if kind == "to_words" else f"{year}-{off:02}-{day:02}"
    return Problem(
        kind=kind,
        operands=f"{year}-{month}-{day}",
        slots={"d": shown},
        answer=answer,
        mistake=mistake,
        statements=[(f"{shown} =\n", answer), (f"{shown} is\n", answer)],
    )


def _days(kind: str, rng: random.Random) -> Problem:
    sign = 1 if kind == "after" else -1
    while True:
        start, count = rng.randrange(365), rng.randint(1, 7)
        end = start + sign * count
        if (start < 59) == (end < 59) or not (0 <= end < 365):  # over the end of February the year would matter
            break
    unit = "day" if count == 1 else "days"
    answer = day_and_month(end)
    return Problem(
        kind=kind,
        operands=f"day {start} {sign * count}",
        slots={"d": day_and_month(start), "n": str(count), "u": unit},
        answer=answer,
        mistake=day_and_month(end - sign) if count > 1 else day_and_month(end + sign),
        statements=[
            (f"{day_and_month(start)} {'+' if sign > 0 else '-'} {count} {unit} =\n", answer),
            (f"{count} {unit} {kind} {day_and_month(start)} is\n", answer),
        ],
    )


def _counting(direction: str) -> Phrasings:
    later = "later than" if direction == "after" else "earlier than"
    spans = (f"{{n}} {{u}} {direction} {{d}}", f"{{n}} {{u}} {later} {{d}}")
    return phrasings(
        f"dates/{direction}",
        nouns=(spans[0], *(f"the {thing} {span}" for thing in ("date", "day") for span in spans)),
        clauses=tuple(
            form.format(e=span)
            for form in ("what date is {e}", "which date is {e}", "what date it is {e}", "which day comes {e}")
            for span in spans
        ),
        whole=tuple(
            form.format(e=span)
            for form in (
                "What date is {e}?",
                "Which date is {e}?",
                "What date comes {e}?",
                "Which date do we have {e}?",
            )
            for span in spans
        ),
    )


TO_WORDS = phrasings(
    "dates/to_words",
    nouns=("{d} in words", "the date {d} in words", "{d} in full", "the long form of {d}"),
    verbs=(
        "write {d} in words",
        "write {d} in full",
        "put {d} into words",
        "convert {d} to words",
        "turn {d} into a long date",
        "write {d} with the name of the month",
        "say {d} in words",
    ),
    clauses=("which date is {d}", "what date {d} is", "which day is meant by {d}", "how to write {d} in words"),
    whole=("What date is {d}?", "Which date is {d}?", "Which day is meant by {d}?", "What does {d} mean?"),
)
TO_ISO = phrasings(
    "dates/to_iso",
    nouns=(
        "{d} in ISO format",
        "{d} as an ISO date",
        "{d} as YYYY-MM-DD",
        "the ISO date of {d}",
        "the ISO form of {d}",
    ),
    verbs=(
        "write {d} in ISO format",
        "write {d} as an ISO date",
        "write {d} as YYYY-MM-DD",
        "convert {d} to ISO",
        "convert {d} to YYYY-MM-DD",
        "turn {d} into an ISO date",
        "put {d} into ISO format",
        "format {d} as YYYY-MM-DD",
    ),
    clauses=("how {d} is written in ISO format", "how to write {d} as an ISO date", "what {d} is in ISO format"),
    whole=("How is {d} written in ISO format?", "How is {d} written with digits only?"),
)

DATES = Task(
    name="dates",
    draw=draw,
    weights={"to_words": 0.22, "to_iso": 0.18, "dotted": 0.14, "after": 0.24, "before": 0.22},
    phrasings={
        "to_words": TO_WORDS,
        "to_iso": TO_ISO,
        "dotted": TO_ISO,
        "after": _counting("after"),
        "before": _counting("before"),
    },
)  # fmt: skip
