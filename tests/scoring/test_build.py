"""Scorers are built by name, and a wrong option is named with the right one."""

from __future__ import annotations

import pytest

from locoman.contracts import Target
from locoman.errors import InvalidOption, UnknownName
from locoman.scoring import SCORERS, build_scorer, find_scorer, needs_of, scorer_kind


def test_an_unknown_scorer_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="numeric"):
        find_scorer("numerc")
    with pytest.raises(UnknownName, match="exact"):
        scorer_kind("exat")


@pytest.mark.parametrize("name", sorted(SCORERS))
def test_an_option_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(UnknownName, match=f"option of the scorer {name}"):
        build_scorer(name, {"nobody_knows": 1})


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        build_scorer("exact", {"ignore_punctation": True})
    assert caught.value.nearest[0] == "ignore_punctuation"


def test_a_value_of_the_wrong_type_names_the_option() -> None:
    with pytest.raises(InvalidOption, match="case") as caught:
        build_scorer("exact", {"case": "upper"})
    assert caught.value.option == "case"


def test_options_change_what_passes() -> None:
    target = Target(("The cat",))
    assert build_scorer("exact").score("cat", target).value == 0.0
    assert build_scorer("exact", {"ignore_articles": True}).score("cat", target).value == 1.0


def test_what_a_case_needs_depends_on_the_options() -> None:
    assert needs_of("code") == ("tests",)
    assert needs_of("regex") == ("accepted",)
    assert needs_of("regex", {"pattern": "x"}) == ()
    assert needs_of("vote", {"scorer": "choice"}) == ("accepted", "choices")
