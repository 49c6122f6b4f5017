from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.contracts import Target
from locoman.errors import ScorerFailed
from locoman.scoring import build_scorer
from locoman.scoring.choice import Choice, accepted_choices, score_likelihoods

CHOICES = ("Paris", "Lyon", "a dog", "not a dog")
SCORER = Choice()


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B. Lyon", "B"),
        ("b) Lyon", "B"),
        ("The answer is B.", "B"),
        ("The answer is **B**", "B"),
        ("Answer: (B) Lyon, because A is north of it", "B"),
        ("Antwort: B", "B"),
        ("I first thought the answer is A, but the answer is B.", "B"),
        ("Paris is the capital.\n\nB", "B"),
        (r"\boxed{B}", "B"),
        ("Option A is wrong, so option B", None),
        ("Lyon", "B"),
        ("It must be Lyon!", "B"),
        ("The answer is a dog", "C"),
        ("not a dog", "D"),
        ("A dog", "C"),
        ("Either A or B", None),
        ("Paris or Lyon", None),
        ("E", None),
        ("I do not know.", None),
        ("", None),
    ],
)
def test_an_answer_means_a_choice_by_its_letter_or_its_text(answer: str, meant: str | None) -> None:
    assert SCORER.reading(answer, Target(("B",), choices=CHOICES)) == meant


def test_the_right_choice_is_given_by_letter_or_by_text() -> None:
    assert SCORER.score("B", Target(("Lyon",), choices=CHOICES)).value == 1.0
    assert SCORER.score("B", Target(("(b)",), choices=CHOICES)).value == 1.0
    assert SCORER.score("A", Target(("Lyon", "Paris"), choices=CHOICES)).value == 1.0
    assert SCORER.score("A", Target(("Lyon",), choices=CHOICES)).note == "chose A"


def test_a_choice_whose_text_is_a_letter_goes_by_its_text() -> None:
    assert accepted_choices(Target(("A",), choices=("B", "A"))) == {1}


def test_letters_or_texts_alone_can_be_asked_for() -> None:
    target = Target(("Lyon",), choices=CHOICES)
    assert build_scorer("choice", {"by": "letter"}).score("Lyon", target).value == 0.0
    assert build_scorer("choice", {"by": "text"}).score("A: Lyon", target).value == 1.0


def test_a_case_without_choices_or_without_a_right_one_is_named() -> None:
    with pytest.raises(ScorerFailed, match=r"What is it.*2 to 26"):
        SCORER.score("B", Target(("B",), "What is it?"))
    with pytest.raises(ScorerFailed, match="accepts nothing"):
        SCORER.score("B", Target(("Rome",), choices=CHOICES))
    with pytest.raises(ScorerFailed, match="3 log-likelihoods"):
        score_likelihoods([0.0, -1.0, -2.0], Target(("B",), choices=CHOICES))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_answer_is_too_strange(answer: str) -> None:
    assert SCORER.score(answer, Target(("B",), choices=CHOICES)).value in (0.0, 1.0)
