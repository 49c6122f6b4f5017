"""Finds the numbers in a text, as people and models write them: 1,250.50  -3  3/4  1 3/4  1½  25 %  $12  7 km/h  3e5."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

DecimalMark = Literal[".", ","]

_MAX_DIGITS = 300
_LATEX = re.compile(r"\\[dt]?frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_CURRENCY = "€$£¥₹"
_UNIT = rf"[^\W\d_]+(?:[/·*][^\W\d_]+)*[²³]?|°\s?[CFcf]?|[{_CURRENCY}]"
_PER_CENT = frozenset({"%", "percent", "prozent"})


@dataclass(frozen=True, slots=True)
class Number:
    """A number that stands in a text; `unit` is the word or sign beside it ("" if there is none); a per cent sign is none."""

    value: Fraction
    percent: bool = False
    unit: str = ""


def numbers_in(text: str, decimal: DecimalMark = ".", *, fractions: bool = True) -> Iterator[Number]:
    """All numbers, from the last to the first. `decimal` parts whole from broken; its opposite parts thousands, and so do
    apostrophes and spaces that do not break."""
    text = _LATEX.sub(r" \1/\2 ", text)
    for match in reversed(list(_pattern(decimal, fractions).finditer(text))):
        value = _value(match, decimal)
        if value is not None:
            word = (match["unit"] or "").strip()
            percent = bool(match["percent"]) or word.casefold() in _PER_CENT
            yield Number(value, percent, "" if percent else _unit(match["currency"] or word))


@cache
def _pattern(decimal: DecimalMark, fractions: bool) -> re.Pattern[str]:
    thousands = "," if decimal == "." else "."
    mark = re.escape(decimal)
    whole = rf"\d{{1,3}}(?:[{thousands}'’\u00a0\u202f]\d{{3}})+(?!\d)|\d+"
    plain = rf"(?P<plain>(?:{whole})(?:{mark}\d+)?(?:[eE][-+]?\d{{1,3}}(?!\w))?|{mark}\d+)"
    broken = r"(?<![\d/])(?:(?P<whole>\d+)[ \u00a0]+)?(?P<over>\d+)\s?[/⁄]\s?(?P<under>\d+)(?!\d)(?!\s?[/⁄]\s?\d)"
    vulgar = r"(?P<before>\d+)?\s?(?P<vulgar>[¼-¾⅐-⅞])"
    kinds = f"{broken}|{vulgar}|{plain}" if fractions else plain
    sign = r"(?:(?<![\w)\]])(?P<sign>[-+−]))?"
    return re.compile(
        rf"{sign}(?:(?P<currency>[{_CURRENCY}])\s?)?(?:{kinds})(?:\s?(?P<percent>%)|\s?(?P<unit>{_UNIT}))?"
    )


def _value(match: re.Match[str], decimal: DecimalMark) -> Fraction | None:
    """None for a fraction over nothing, and for more digits than any number needs."""
    found = match.groupdict()
    if max((len(text) for text in found.values() if text), default=0) > _MAX_DIGITS:
        return None
    if found.get("over"):
        if int(found["under"]) == 0:
            return None
        value = Fraction(int(found["over"]), int(found["under"]))
        value += int(found["whole"] or 0) if value < 1 else 0  # "2 3/4", but not "in 5 games 7/3"
    elif found.get("vulgar"):
        share = Fraction(unicodedata.numeric(found["vulgar"])).limit_denominator(100)
        value = int(found["before"] or 0) + share
    else:
        digits = re.sub(r"[^\d.eE+-]" if decimal == "." else r"[^\d,eE+-]", "", found["plain"])
        value = Fraction(digits.replace(",", "."))
    return -value if found["sign"] in ("-", "−") else value


def _unit(word: str) -> str:
    """A unit as it is compared: short ones as they are ("mW" is no "MW"), longer ones in small letters and without the s of
    the plural."""
    if len(word) <= 2:
        return word
    word = word.casefold()
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
