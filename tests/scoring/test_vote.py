from __future__ import annotations

import pytest

from locoman.contracts import Target
from locoman.errors import InvalidOption, UnknownName
from locoman.scoring import Vote, build_scorer, check_scorer


def vote(**options: object) -> Vote:
    scorer = build_scorer("vote", options)
    assert isinstance(scorer, Vote)
    return scorer


def test_the_majority_is_scored() -> None:
    score = vote(scorer="numeric").score_samples(["so 42", "I say 41", "It is 42.0!", "no idea", "41"], Target(("42",)))
    assert score.value == 1.0  # 42 and 41 have two voices each, and 42 was said first
    assert dict(score.metrics) == {"agreement": 0.4, "mean": 0.4}
    assert vote(scorer="numeric").score_samples(["42", "41", "41"], Target(("42",))).value == 0.0


def test_choices_vote_by_letter() -> None:
    target = Target(("Lyon",), choices=("Paris", "Lyon"))
    assert vote(scorer="choice").score_samples(["B", "It must be Lyon", "A"], target).value == 1.0


def test_the_inner_scorer_has_its_own_options() -> None:
    inner = {"ignore_articles": True}
    assert vote(options=inner).score_samples(["the cat", "dog", "a cat"], Target(("cat",))).value == 1.0


def test_when_nobody_says_anything_nobody_wins() -> None:
    score = vote(scorer="numeric").score_samples(["?", "!"], Target(("42",)))
    assert (score.value, score.metrics[0]) == (0.0, ("agreement", 0.0))


def test_one_answer_is_scored_as_the_inner_scorer_does() -> None:
    assert vote(scorer="numeric").score("42", Target(("42",))).value == 1.0


def test_a_scorer_without_a_reading_cannot_count_voices() -> None:
    with pytest.raises(InvalidOption, match="contains"):
        vote(scorer="contains")
    with pytest.raises(UnknownName, match="numeric"):
        check_scorer("vote", {"scorer": "numerc"})
    with pytest.raises(InvalidOption, match="samples"):
        vote(samples=1)
