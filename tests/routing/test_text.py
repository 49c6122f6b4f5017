from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from locoman.routing.text import MAX_CHARACTERS, character_grams, normalise, shape, word_grams


@settings(deadline=None)
@given(st.text(max_size=3000) | st.text(st.characters(categories=["Cs", "Cc", "So", "Nd"]), max_size=50))
def test_whatever_comes_in_becomes_bounded_text_that_encodes(text: str) -> None:
    normal = normalise(text)
    assert len(normal) <= MAX_CHARACTERS
    normal.encode("utf-8")
    assert normal == " ".join(normal.split())


def test_only_a_prefix_of_a_huge_question_is_read() -> None:
    assert normalise("a" * 1_000_000) == "a" * MAX_CHARACTERS
    assert len(normalise("\ufdfa" * 1_000_000)) == MAX_CHARACTERS  # one character that NFKC makes eighteen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Two\twords\n", "two words"),
        ("ＦＵＬＬ width ４", "full width 4"),
        ("STRASSE straße", "strasse strasse"),
        ("in\u200bvisible \u202ebidi", "invisible bidi"),
        ("a\x00b\x1bc", "a b c"),
        ("\x1b[31mred\x1b[0m 7\x1b[2Km", "red 7 m"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("   ", ""),
    ],
)
def test_spelling_is_normalised(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_questions_that_differ_in_numbers_only_have_one_shape_up_to_their_length() -> None:
    assert shape("What is 17 + 25?") == shape("what is 99 + 10?") == "what is 00 + 00?"
    assert shape("٣ + 4") == "0 + 0"


def test_a_number_of_any_length_is_one_word() -> None:
    assert word_grams("00 + 0?") == ["0", "+", "0", "?", "0 +", "+ 0", "0 ?"]
    assert word_grams("") == []


def test_forms_of_a_word_meet_and_short_words_stay() -> None:
    assert word_grams("pay paying pays payed") == ["pay"] * 4 + ["pay pay"] * 3
    assert word_grams("is his used us") == ["is", "his", "used", "us", "is his", "his used", "used us"]


@pytest.mark.parametrize("text", ["", "a", "to be or not", "count 00 km!", "antidisestablishmentarianism x"])
def test_character_grams_are_those_of_scikit_learn(text: str) -> None:
    analyse = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False).build_analyzer()
    assert sorted(character_grams(text)) == sorted(analyse(text))


@settings(deadline=None)
@given(st.lists(st.text("abeü0!", min_size=1, max_size=40)))
def test_remembered_or_not_the_grams_of_words_are_those_of_scikit_learn(words: list[str]) -> None:
    analyse = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False).build_analyzer()
    for _ in range(2):
        assert sorted(character_grams(" ".join(words))) == sorted(analyse(" ".join(words)))
