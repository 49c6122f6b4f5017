"""Questions as the router reads them: bounded, normalised, with numbers reduced to their shape."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata

MAX_CHARACTERS = 2000  # what is read of a question; a topic shows itself long before

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff]")
_COMMANDS = re.compile(r"\x1b\[[0-9;?]*[@-~]")  # of a terminal: colours and the like
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_USUAL = 24  # characters; the grams of longer words are not remembered
_LAST_LATIN = "\u024f"
_DIGIT = re.compile(r"\d")
_ENDINGS = (
    "ing",
    "edly",
    "ed",
    "ies",
    "es",
    "ly",
    "s",
)  # English: with few examples "pay" and "paying" had better meet
_TOKEN = re.compile(r"[^\W\d_]+|0+|[^\w\s]|_")


def normalise(text: str) -> str:
    """The first MAX_CHARACTERS of `text` as NFKC, case-folded, without control characters, with single spaces.

    The result encodes as UTF-8 and is at most MAX_CHARACTERS long, whatever comes in.
    """
    seen = _COMMANDS.sub(" ", _INVISIBLE.sub("", text[:MAX_CHARACTERS]))
    folded = unicodedata.normalize("NFKC", seen).casefold()[:MAX_CHARACTERS]
    return " ".join(_UNPRINTABLE.sub(" ", folded).split())


def shape(text: str) -> str:
    """`text` normalised, with every digit of any script as "0": questions that differ in numbers only read alike."""
    return _DIGIT.sub("0", normalise(text))


def word_grams(shaped: str) -> list[str]:
    """The 1- and 2-grams over stems of words, numbers (of whatever length, all the token "0") and single symbols."""
    tokens = ["0" if token[0] == "0" else _stem(token) for token in _TOKEN.findall(shaped)]
    return tokens + [f"{left} {right}" for left, right in itertools.pairwise(tokens)]


def _stem(word: str) -> str:
    """Without the first of the endings that leaves three letters or more."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            return word[: -len(ending)]
    return word


def character_grams(shaped: str) -> list[str]:
    """The 2- to 5-grams of characters inside words with a blank at each end (scikit-learn's `char_wb`)."""
    words = shaped.split()
    return list(itertools.chain.from_iterable(_known_word(w) if len(w) <= _USUAL else _inside(w) for w in words))


@functools.lru_cache(maxsize=2048)
def _known_word(word: str) -> tuple[str, ...]:
    return _inside(word)


def _inside(word: str) -> tuple[str, ...]:
    grams: list[str] = []
    padded = f" {word} "
    for length in range(2, 6):
        grams.extend(padded[start : start + length] for start in range(max(1, len(padded) - length + 1)))
        if len(padded) <= length:
            break  # a word shorter than the gram counts once
    return tuple(grams)


def is_foreign(text: str) -> bool:
    """Whether most letters of `text` are of another script than Latin, which the encoder was not trained on."""
    letters = [character for character in text[:MAX_CHARACTERS] if character.isalpha()]
    return 2 * sum(character > _LAST_LATIN for character in letters) > len(letters)
