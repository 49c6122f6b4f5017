from __future__ import annotations

from locoman.routing.latest import Latest


def test_the_latest_are_kept_and_who_came_first_goes_first() -> None:
    latest = Latest[int](2)
    assert latest.get("a") is None
    assert [latest.keep(key, number) for number, key in enumerate("abc")] == [0, 1, 2]
    assert [latest.get(key) for key in "abc"] == [None, 1, 2]


def test_a_value_may_be_replaced() -> None:
    latest = Latest[int](2)
    latest.keep("a", 1)
    latest.keep("b", 2)
    latest.keep("a", 3)
    assert [latest.get(key) for key in "ab"] == [3, 2]
