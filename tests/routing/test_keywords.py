from __future__ import annotations

import pytest

from locoman.routing.stages.keywords import KeywordStage


@pytest.mark.parametrize(
    "question",
    [
        "Is this C++ code?",
        "my c++",
        "ROMAN   numerals, please",
        "a Roman\nnumeral and roman numerals",
        "ｒｏｍａｎ numerals",
    ],
)
def test_a_declared_phrase_decides_with_certainty(question: str) -> None:
    decision = KeywordStage({"code": ["C++"], "history": ["Roman numerals"]}).decide(question, ())
    assert decision is not None
    assert decision.adapter == ("code" if "+" in question else "history")
    assert (decision.confidence, decision.stage) == (1.0, "keywords")


@pytest.mark.parametrize("question", ["concatenate", "a cathedral", "bobcat", "", "\x00", "cat_food is one word"])
def test_a_phrase_inside_a_longer_word_does_not_count(question: str) -> None:
    assert KeywordStage({"pets": ["cat"]}).decide(question, ()) is None


def test_a_question_that_two_adapters_claim_is_passed_on() -> None:
    stage = KeywordStage({"pets": ["cat"], "vet": ["cat", "dog"]})
    assert stage.decide("my cat", ()) is None
    decision = stage.decide("my dog", ())
    assert decision is not None
    assert decision.adapter == "vet"


def test_phrases_that_are_nothing_once_normalised_match_nothing() -> None:
    assert KeywordStage({"pets": ["", " ", "\u200b"]}).decide("", ()) is None


def test_characters_with_a_meaning_in_patterns_are_plain_text() -> None:
    stage = KeywordStage({"code": [".*", "a(b"]})
    assert stage.decide("anything", ()) is None
    assert stage.decide("what is a(b", ()) is not None
