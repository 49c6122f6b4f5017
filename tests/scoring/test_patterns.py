"""Patterns of strangers: searched in bounded time."""

from __future__ import annotations

import time

import pytest

from locoman.contracts import Target
from locoman.errors import InvalidOption, ScorerFailed
from locoman.scoring import build_scorer, guard

HOSTILE = r"(x+x+)+y$"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.1)


def test_a_pattern_is_the_options_or_the_cases_own() -> None:
    assert build_scorer("regex", {"pattern": r"\b4\d\b"}).score("it is 42", Target()).value == 1.0
    assert build_scorer("regex").score("it is 42", Target((r"^\d+$", "42"))).value == 1.0
    assert build_scorer("regex", {"whole": True}).score("it is 42", Target((r"\d+",))).value == 0.0
    assert build_scorer("regex", {"whole": True}).score(" 42\n", Target((r"\d+",))).value == 1.0
    assert build_scorer("regex", {"ignore_case": True}).score("YES", Target(("yes",))).value == 1.0


def test_a_broken_pattern_is_refused_when_the_scorer_is_built() -> None:
    with pytest.raises(InvalidOption, match="no regular expression") as caught:
        build_scorer("regex", {"pattern": "(a"})
    assert caught.value.option == "pattern"
    with pytest.raises(InvalidOption, match="regexes_to_ignore"):
        build_scorer("exact", {"regexes_to_ignore": ["["]})
    with pytest.raises(InvalidOption, match="more than 2000"):
        build_scorer("regex", {"pattern": "a" * 3000})
    with pytest.raises(ScorerFailed, match=r"Which\?.*no regular expression"):
        build_scorer("regex").score("x", Target(("(a",), "Which?"))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("scorer", "options"),
    [
        ("regex", {"pattern": HOSTILE}),
        ("exact", {"regexes_to_ignore": [HOSTILE]}),
        ("exact", {"extract": HOSTILE}),
        ("json_schema", {"schema": {"pattern": HOSTILE}}),
        ("json_schema", {"schema": {"patternProperties": {HOSTILE: {}}}}),
        ("json_schema", {"schema": {"patternProperties": {HOSTILE: {}}, "additionalProperties": False}}),
    ],
)
def test_a_pattern_that_would_never_end_is_given_up(scorer: str, options: dict[str, object]) -> None:
    text = "x" * 5000
    answer = (
        text if scorer != "json_schema" else f'{{"{text}": 1}}' if "patternProperties" in str(options) else f'"{text}"'
    )
    begun = time.monotonic()
    with pytest.raises(ScorerFailed, match="gave up"):
        build_scorer(scorer, options).score(answer, Target(("x",)))
    assert time.monotonic() - begun < 20
