"""The last number in the answer is the expected number: how arithmetic and word problems are scored (as GSM8K does)."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

import msgspec

from locoman.contracts import Score, Target

_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+−]?\.\d+")
RELATIVE_TOLERANCE = Decimal("1e-6")


def last_number(text: str) -> Decimal | None:
    """The last number written in `text`; thousands may be parted by commas."""
    found = _NUMBER.findall(text)
    if not found:
        return None
    try:
        return Decimal(found[-1].replace(",", "").replace("−", "-"))
    except InvalidOperation:
        return None


class NumericOptions(msgspec.Struct, frozen=True):
    """None yet."""


class Numeric:
    """1.0 when the last number equals an accepted one within a millionth of it, else 0.0."""

    def __init__(self, options: NumericOptions = NumericOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        given = last_number(answer)
        if given is None:
            return Score(0.0, note="no number")
        wanted = [number for text in target.accepted if (number := last_number(text)) is not None]
        return Score(float(any(abs(given - number) <= abs(number) * RELATIVE_TOLERANCE for number in wanted)))
