"""Semesters and academic years."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.errors import UsageError
from locoman.migration.calendar import Calendar, Semester

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("text", "year"), [("2026-autumn", "2026-27"), ("2027-spring", "2026-27"), ("2099-autumn", "2099-00")]
)
def test_a_semester_lies_in_the_academic_year_that_began_in_autumn(text: str, year: str) -> None:
    assert Semester.parse(text).academic_year == year


@pytest.mark.parametrize("text", ["2027", "2027-summer", "spring-2027", "27-spring", "2027-spring ", "99999-spring"])
def test_what_is_no_semester_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no semester"):
        Semester.parse(text)


@given(DAYS)
def test_every_day_lies_in_one_semester(day: date) -> None:
    calendar = Calendar((2, 15), (10, 1))
    semester = calendar.of(day)
    assert calendar.begins(semester) <= day < calendar.begins(semester.next)


@given(DAYS)
def test_a_semester_is_what_it_prints_as(day: date) -> None:
    semester = Calendar().of(day)
    assert Semester.parse(str(semester)) == semester
    assert semester.next != semester


def test_two_semesters_make_a_year() -> None:
    calendar = Calendar()
    autumn = Semester(2026, "autumn")
    assert calendar.begins(autumn.next.next) - calendar.begins(autumn) == timedelta(days=365)
    assert autumn.academic_year == autumn.next.academic_year != autumn.next.next.academic_year


@pytest.mark.parametrize(
    ("spring", "autumn"), [("09-01", "02-01"), ("02-30", "09-01"), ("02-29", "09-01"), ("x", "09-01")]
)
def test_a_calendar_that_cannot_be_is_refused(spring: str, autumn: str) -> None:
    with pytest.raises(UsageError):
        Calendar.parse(spring, autumn)
