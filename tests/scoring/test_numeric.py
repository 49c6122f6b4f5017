from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.contracts import Target
from locoman.scoring import build_scorer
from locoman.scoring.numbers import numbers_in


def value(answer: str, expected: str, **options: Any) -> float:
    return build_scorer("numeric", options).score(answer, Target((expected,))).value


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("So 3 + 4 = 7.", "7"),
        ("3 - 4 = -1", "-1"),
        ("17-25", "25"),  # a hyphen between numbers is no sign
        ("It costs $1,250.50", "1250.5"),
        ("1\u202f250\u202f000 people", "1250000"),
        ("1 3/4 cups", "1.75"),
        ("1½ cups", "3/2"),
        (r"\frac{3}{4}", "0.75"),
        (r"1\dfrac{3}{4}", "7/4"),
        ("-3/4", "-0.75"),
        ("−5", "-5"),
        ("3e5", "300000"),
        ("born on 3/4/2024", "2024"),
        ("2/3", "0.6666667"),
        ("25%", "25"),
    ],
)
def test_numbers_are_read_as_people_write_them(answer: str, expected: str) -> None:
    assert value(answer, expected) == 1.0


@pytest.mark.parametrize(
    ("answer", "expected"), [("-3", "3"), ("7.5", "7"), ("1/2", "2"), ("", "0"), ("ten", "10"), ("10/0", "10")]
)
def test_other_numbers_are_wrong(answer: str, expected: str) -> None:
    assert value(answer, expected) == 0.0


def test_a_tolerance_is_a_share_or_an_amount() -> None:
    assert value("99", "100", relative=0.01) == 1.0
    assert value("98.9", "100", relative=0.01) == 0.0
    assert value("98", "100", absolute=2) == 1.0
    assert value("0.33", "1/3") == 0.0


def test_a_per_cent_sign_is_ignored_a_fraction_or_either() -> None:
    assert value("25%", "0.25") == 0.0
    assert value("25 percent", "0.25", percent="fraction") == 1.0
    assert value("25%", "25", percent="fraction") == 0.0
    assert value("25%", "25", percent="either") == value("0.25", "25 %", percent="either") == 1.0
    assert value("25", "0.25", percent="either") == 0.0


def test_units_are_ignored_or_compared() -> None:
    assert value("7 km", "7 m") == 1.0
    assert value("7 km", "7 m", units="compare") == 0.0
    assert value("7 kilometers", "7 Kilometer", units="compare") == 1.0
    assert value("7 mW", "7 MW", units="compare") == 0.0
    assert value("€7", "7 €", units="compare") == 1.0
    assert value("7 apples", "7", units="compare") == 1.0
    assert value("7", "7 km", units="compare") == 0.0


def test_a_decimal_comma_is_an_option() -> None:
    assert value("1.250,5", "1250,5", decimal=",") == 1.0
    assert value("3,5", "3,5", decimal=",") == 1.0


def test_which_number_counts_is_an_option() -> None:
    assert value("7, because 3 + 4", "7", find="first") == 1.0
    assert value("3 + 4\n#### 7\nis it 8?", "7", find="marked") == 1.0
    assert value("7", "7", find="marked") == 0.0
    assert value("2/3", "3", fractions=False) == 1.0


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.sampled_from(["{}", "{:,}", "so {}.", "${:,}", "**{}**", "({})", "x = {}"]))
def test_every_whole_number_is_found(number: int, form: str) -> None:
    assert next(numbers_in(form.format(number))).value == number


@settings(deadline=None)
@given(st.fractions(min_value=-1000, max_value=1000, max_denominator=999))
def test_every_fraction_is_found(fraction: Fraction) -> None:
    assert next(numbers_in(str(fraction))).value == fraction


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,-+/% eE½ \u00a0km€", max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    list(numbers_in(text))
    list(numbers_in(text, ",", fractions=False))
