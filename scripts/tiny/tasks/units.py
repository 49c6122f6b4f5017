"""Converting units: metric lengths, weights and volumes, and times, with exact answers."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tiny.tasks.phrasing import phrasings
from tiny.tasks.task import Problem, Task


@dataclass(frozen=True)
class Unit:
    """A unit: how it is written in an answer, and the words people use for it (plural)."""

    short: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Conversion:
    """`factor` of the small unit make one of the large; a beginner believes it to be `believed`."""

    large: Unit
    small: Unit
    factor: int
    believed: int
    highest: int

    @property
    def metric(self) -> bool:
        """True when only zeros are added or taken away."""
        return self.factor in (10, 100, 1000)


KM, M = Unit("km", ("kilometres", "km", "kilometers")), Unit("m", ("metres", "m", "meters"))
CM, MM = Unit("cm", ("centimetres", "cm", "centimeters")), Unit("mm", ("millimetres", "mm", "millimeters"))
T, KG, G = Unit("t", ("tonnes", "t")), Unit("kg", ("kilograms", "kg", "kilos")), Unit("g", ("grams", "g"))
L, ML = Unit("l", ("litres", "l", "liters")), Unit("ml", ("millilitres", "ml", "milliliters"))
YEARS, MONTHS = Unit("years", ("years",)), Unit("months", ("months",))
WEEKS, DAYS, HOURS = Unit("weeks", ("weeks",)), Unit("days", ("days",)), Unit("hours", ("hours", "h"))
MINUTES, SECONDS = Unit("minutes", ("minutes", "min")), Unit("seconds", ("seconds", "s"))

CONVERSIONS = (
    Conversion(KM, M, 1000, 100, 99),
    Conversion(M, CM, 100, 1000, 99),
    Conversion(CM, MM, 10, 100, 99),
    Conversion(M, MM, 1000, 100, 99),
    Conversion(KG, G, 1000, 100, 99),
    Conversion(T, KG, 1000, 100, 99),
    Conversion(L, ML, 1000, 100, 99),
    Conversion(HOURS, MINUTES, 60, 100, 12),
    Conversion(MINUTES, SECONDS, 60, 100, 12),
    Conversion(DAYS, HOURS, 24, 12, 10),
    Conversion(WEEKS, DAYS, 7, 5, 12),
    Conversion(YEARS, MONTHS, 12, 10, 12),
)
METRIC = tuple(conversion for conversion in CONVERSIONS if conversion.metric)
TIME = tuple(conversion for conversion in CONVERSIONS if not conversion.metric)


def amount(value: int, unit: Unit) -> str:
    """An answer, e.g. "3000 g", "1 week"."""
    return f"{value} {unit.short[:-1] if value == 1 and len(unit.short) > 2 else unit.short}"


def draw(kind: str, rng: random.Random) -> Problem:
    """The beginner takes a wrong factor: ten times too much or too little, a hundred minutes in an hour."""
    group, direction = kind.split("_")
    conversion = rng.choice(METRIC if group == "metric" else TIME)
    number = rng.randint(2, conversion.highest)
    large, small = conversion.large, conversion.small
    many = number * conversion.factor
    if direction == "down":
        given, source, target, result = number, large, small, many
        mistake = number * conversion.believed
    else:
        given, source, target, result = many, small, large, number
        off = number * conversion.factor // conversion.believed
        mistake = off if conversion.metric and off not in (0, number) else number + 1
    source_name, target_name = rng.choice(source.names), rng.choice(target.names)
    answer = amount(result, target)
    return Problem(
        kind=kind,
        operands=f"{number} {large.short} {small.short}",
        slots={"n": str(given), "f": source_name, "t": target_name},
        answer=answer,
        mistake=amount(mistake, target),
        statements=[
            (f"{given} {source_name} in {target_name} =\n", answer),
            (f"{given} {source_name} to {target_name}\n", answer),
            (f"{target_name} in {given} {source_name}:\n", answer),
        ],
        tabled=group == "time",
    )


WAYS = phrasings(
    "units",
    nouns=("{n} {f} in {t}", "the number of {t} in {n} {f}", "{n} {f} converted to {t}"),
    verbs=(
        "convert {n} {f} to {t}",
        "convert {n} {f} into {t}",
        "turn {n} {f} into {t}",
        "change {n} {f} to {t}",
        "express {n} {f} in {t}",
        "write {n} {f} in {t}",
    ),
    clauses=(
        "how many {t} are in {n} {f}",
        "how many {t} {n} {f} are",
        "how many {t} {n} {f} make",
        "what {n} {f} are in {t}",
    ),
    whole=(
        "How many {t} are in {n} {f}?",
        "How many {t} are {n} {f}?",
        "How many {t} make {n} {f}?",
        "How many {t} do {n} {f} have?",
        "How many {t} do you get from {n} {f}?",
        "How much is {n} {f} in {t}?",
        "What are {n} {f} in {t}?",
        "What do {n} {f} make in {t}?",
        "{n} {f} are how many {t}?",
        "{n} {f} to {t}",
        "{n} {f} = ? {t}",
        "I have {n} {f}. How many {t} is that?",
    ),
)

UNITS = Task(
    name="units",
    draw=draw,
    weights={"metric_down": 0.34, "metric_up": 0.3, "time_down": 0.2, "time_up": 0.16},
    phrasings=dict.fromkeys(("metric_down", "metric_up", "time_down", "time_up"), WAYS),
)
