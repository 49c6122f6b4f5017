"""The last number in the answer is the expected number: how arithmetic and word problems are scored."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from locoman.contracts import Score, Target
from locoman.scoring.numbers import DecimalMark, Number, numbers_in

Tolerance = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]


class NumericOptions(msgspec.Struct, frozen=True):
    """Which number counts, and what equals what is expected.

    `find`: the last number of the answer, its first, or the first behind the last `marker` (GSM8K writes "#### 42").
    `relative` is a share of the expected number, `absolute` in its own unit; one of both is enough.
    `percent`: `ignore` takes 25 % for 25, `fraction` for 0.25, `either` for both where only one of the two has a per cent sign.
    `units`: `compare` asks for the unit that is expected, if one is; nothing is converted. `fractions` off: 3/4 is 3, then 4.
    """

    find: Literal["last", "first", "marked"] = "last"
    marker: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] = "####"
    relative: Tolerance = 1e-6
    absolute: Tolerance = 0.0
    percent: Literal["ignore", "fraction", "either"] = "ignore"
    units: Literal["ignore", "compare"] = "ignore"
    decimal: DecimalMark = "."
    fractions: bool = True


class Numeric:
    """1.0 when the answer's number equals an accepted one within the tolerance, else 0.0."""

    def __init__(self, options: NumericOptions = NumericOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options
        self._relative, self._absolute = Fraction(str(options.relative)), Fraction(str(options.absolute))

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        given = self._given(answer)
        if given is None:
            return Score(0.0, note="no number")
        wanted = [number for text in target.accepted if (number := self._last(text)) is not None]
        close = [number for number in wanted if self._equal(given, number)]
        if any(self._same_unit(given, number) for number in close):
            return Score(1.0)
        return Score(0.0, note="another unit" if close else "")

    def reading(self, answer: str, target: Target) -> str | None:
        """The number that counts, as a fraction in lowest terms; see `vote`."""
        given = self._given(answer)
        return None if given is None else str(self._as_share(given))

    def _given(self, answer: str) -> Number | None:
        if self._options.find == "last":
            return self._last(answer)
        if self._options.find == "marked":
            _, marker, answer = answer.rpartition(self._options.marker)
            if not marker:
                return None
        found = list(self._numbers(answer))
        return found[-1] if found else None

    def _last(self, text: str) -> Number | None:
        return next(self._numbers(text), None)

    def _numbers(self, text: str) -> Iterator[Number]:
        return numbers_in(text, self._options.decimal, fractions=self._options.fractions)

    def _as_share(self, number: Number) -> Fraction:
        return number.value / 100 if number.percent and self._options.percent == "fraction" else number.value

    def _equal(self, given: Number, wanted: Number) -> bool:
        pairs = [(self._as_share(given), self._as_share(wanted))]
        if self._options.percent == "either" and given.percent != wanted.percent:
            pairs.append((given.value / (100 if given.percent else 1), wanted.value / (100 if wanted.percent else 1)))
        return any(abs(a - b) <= max(abs(b) * self._relative, self._absolute) for a, b in pairs)

    def _same_unit(self, given: Number, wanted: Number) -> bool:
        return self._options.units == "ignore" or not wanted.unit or given.unit == wanted.unit
