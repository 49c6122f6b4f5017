"""No answer makes a scorer take long or fail: a run must get to its end whatever a model writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.contracts import Target
from locoman.scoring import build_scorer
from locoman.scoring.code import solution

TARGET = Target(("42", "B"), "Which?", choices=("foo", "bar"))
SCORERS = {
    "exact": {"ignore_articles": True, "ignore_punctuation": True},
    "numeric": {"units": "compare", "percent": "either"},
    "choice": {},
    "contains": {},
    "regex": {"pattern": r"\b42\b"},
    "squad": {},
    "json_schema": {"schema": {"uniqueItems": True}},
    "vote": {"scorer": "numeric"},
}
LONG = [
    text * 20_000
    for text in (
        "\n",
        "answer ",
        "option ",
        "(",
        "1",
        "1 ",
        "1/",
        "1,",
        "- ",
        "**B",
        "```\n",
        "a b ",
        "½",
        "x/",
        "the ",
        "!.",
        '{"a":',
        "€",
        "[1,",
    )
]
LONG += ["answer" + " " * 20_000 + "x", "answer is" + "*" * 20_000, "x" + "\n" * 20_000 + "x", "1" + " " * 20_000 + "x"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(SCORERS))
def test_long_runs_of_anything_are_scored(name: str) -> None:
    scorer = build_scorer(name, SCORERS[name])
    for answer in LONG:
        assert 0.0 <= scorer.score(answer, TARGET).value <= 1.0


@pytest.mark.timeout(60)
def test_code_is_taken_from_long_runs_of_anything() -> None:
    for answer in LONG:
        solution(answer, "def f():\n")


@pytest.mark.parametrize("name", sorted(SCORERS))
@settings(deadline=None)
@given(st.text(max_size=100))
def test_any_text_is_scored(name: str, answer: str) -> None:
    assert 0.0 <= build_scorer(name, SCORERS[name]).score(answer, TARGET).value <= 1.0
