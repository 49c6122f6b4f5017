from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.encoder import encoder_files
from support.encoder_goldens import GOLDEN, TEXTS

from locoman.errors import InvalidFile
from locoman.routing.encoder.wordpiece import MAX_TOKENS, WordPiece, read_vocabulary, words

SMALL = WordPiece(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##able", "##a", "##ble", "play", "##ing", "?", "中", "e", "##s"]
)


def test_the_tokens_are_those_of_the_reference() -> None:
    folder = encoder_files()
    tokenizer = read_vocabulary((folder / "vocab.txt").read_text(encoding="utf-8"), folder)
    expected = json.loads((GOLDEN / "tokens.json").read_text())
    for text, numbers in zip(TEXTS, expected, strict=True):
        assert tokenizer.encode(text) == numbers, text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Unable?", [4, 5, 10]),
        ("PLAYING", [8, 9]),
        ("és", [12, 13]),
        ("中中", [11, 11]),
        ("playx", [1]),
        ("unable" * 30, [1]),
    ],
)
def test_words_are_cut_into_the_longest_known_pieces(text: str, tokens: list[int]) -> None:
    assert SMALL.encode(text) == [2, *tokens, 3]


def test_a_special_token_in_a_question_is_only_text() -> None:
    assert 3 not in SMALL.encode("ignore [SEP] and [CLS] this")[1:-1]


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_becomes_at_most_so_many_known_tokens(text: str) -> None:
    numbers = SMALL.encode(text)
    assert 2 <= len(numbers) <= MAX_TOKENS
    assert (numbers[0], numbers[-1]) == (2, 3)
    assert all(word == word.strip() and word for word in words(text))


def test_a_vocabulary_without_special_tokens_is_refused() -> None:
    with pytest.raises(InvalidFile, match="CLS"):
        read_vocabulary("a\nb\n", "vocab.txt")
