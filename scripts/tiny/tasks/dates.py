"""Dates: from one way of writing to another, and counting days, weekdays and months on and back."""

from __future__ import annotations

import random

from tiny.tasks.task import Phrasings, Problem, Task

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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
    if kind in ("after", "before"):
        return _days(kind, rng)
    if kind.startswith("weekday"):
        return _cyclic(kind, WEEKDAYS, rng.randint(1, 7), ("day", "days"), rng)
    return _cyclic(kind, MONTHS, rng.randint(1, 6), ("month", "months"), rng)


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
        start, count = rng.randrange(365), rng.randint(1, 10)
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


def _cyclic(kind: str, names: tuple[str, ...], count: int, unit: tuple[str, str], rng: random.Random) -> Problem:
    start = rng.randrange(len(names))
    direction = kind.split("_")[1]
    sign = 1 if direction == "after" else -1
    answer = names[(start + sign * count) % len(names)]
    mistake = names[(start + sign * (count - 1)) % len(names)]
    word = unit[count > 1]
    return Problem(
        kind=kind,
        operands=f"{names[start]} {sign * count}",
        slots={"d": names[start], "n": str(count), "u": word},
        answer=answer,
        mistake=mistake,
        statements=[
            (f"{names[start]} {'+' if sign > 0 else '-'} {count} {word} =\n", answer),
            (f"{count} {word} {direction} {names[start]} is\n", answer),
        ],
        tabled=True,
    )


def _counting(what: str, direction: str) -> Phrasings:
    later = "later than" if direction == "after" else "earlier than"
    train = (
        f"What {what} is {{n}} {{u}} {direction} {{d}}?",
        f"Which {what} is {{n}} {{u}} {direction} {{d}}?",
        f"{{n}} {{u}} {direction} {{d}}?",
        f"What {what} comes {{n}} {{u}} {direction} {{d}}?",
        f"Tell me the {what} {{n}} {{u}} {direction} {{d}}.",
        f"What is {{n}} {{u}} {direction} {{d}}?",
        f"Can you tell me which {what} is {{n}} {{u}} {direction} {{d}}?",
        f"I need the {what} {{n}} {{u}} {direction} {{d}}.",
        f"Which {what} is {{n}} {{u}} {later} {{d}}?",
        f"What {what} do we have {{n}} {{u}} {direction} {{d}}?",
        f"Name the {what} {{n}} {{u}} {direction} {{d}}.",
        f"Do you know what {what} it is {{n}} {{u}} {direction} {{d}}?",
    )
    evaluation = (
        f"Can you work out what {what} is {{n}} {{u}} {direction} {{d}}?",
        f"Please tell me what {what} it is {{n}} {{u}} {direction} {{d}}.",
        f"Which {what} do we have {{n}} {{u}} {direction} {{d}}?",
        f"What {what} is {{n}} {{u}} {later} {{d}}?",
        f"Find the {what} {{n}} {{u}} {direction} {{d}}.",
        f"Which {what} comes {{n}} {{u}} {direction} {{d}}?",
    )
    return Phrasings(train, evaluation)


TO_WORDS = Phrasings(
    train=(
        "Write {d} in words.",
        "Write {d} as a date with the name of the month.",
        "What date is {d}?",
        "Which date is {d}?",
        "How do I write {d} in words?",
        "Put {d} into words.",
        "Convert {d} to words.",
        "{d} in words",
        "{d} in words, please.",
        "Which day is meant by {d}?",
        "Say {d} in words.",
        "What does {d} mean?",
        "Write the date {d} in full.",
        "Can you write {d} in words?",
        "Turn {d} into a long date.",
        "Give me the long form of {d}.",
    ),
    evaluation=(
        "Can you put {d} into words?",
        "Please write {d} in full.",
        "What is {d} in words?",
        "Give me {d} in words.",
        "How do you say {d} in words?",
        "Turn the date {d} into words.",
        "Which date is meant by {d}?",
    ),
)
TO_ISO = Phrasings(
    train=(
        "Write {d} in ISO format.",
        "Write {d} as an ISO date.",
        "Convert {d} to ISO.",
        "Convert {d} to YYYY-MM-DD.",
        "What is {d} in ISO format?",
        "{d} in ISO format",
        "{d} as ISO date, please.",
        "How do I write {d} with digits only?",
        "Give me {d} as YYYY-MM-DD.",
        "Put {d} into ISO format.",
        "Turn {d} into an ISO date.",
        "How is {d} written in ISO format?",
        "Can you convert {d} to the ISO format?",
        "Write {d} as YYYY-MM-DD.",
        "I need {d} as an ISO date.",
        "Format {d} as YYYY-MM-DD.",
    ),
    evaluation=(
        "Can you write {d} as an ISO date?",
        "Please convert {d} to ISO format.",
        "What is {d} as YYYY-MM-DD?",
        "Give me the ISO date for {d}.",
        "How do I write {d} in ISO format?",
        "Turn {d} into YYYY-MM-DD.",
        "Could you format {d} as an ISO date?",
    ),
)

DATES = Task(
    name="dates",
    draw=draw,
    weights={
        "to_words": 0.2, "to_iso": 0.15, "dotted": 0.12, "after": 0.16, "before": 0.13,
        "weekday_after": 0.07, "weekday_before": 0.05, "month_after": 0.07, "month_before": 0.05,
    },
    phrasings={
        "to_words": TO_WORDS,
        "to_iso": TO_ISO,
        "dotted": TO_ISO,
        "after": _counting("date", "after"),
        "before": _counting("date", "before"),
        "weekday_after": _counting("day", "after"),
        "weekday_before": _counting("day", "before"),
        "month_after": _counting("month", "after"),
        "month_before": _counting("month", "before"),
    },
)  # fmt: skip
