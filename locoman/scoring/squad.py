"""Exact match and token F1 of SQuAD, by the formulae of its official scripts (evaluate-v1.1.py, evaluate-v2.0.py).

Both normalise the same way: lower case, without ASCII punctuation, without the articles a, an and the, words parted by one
space. Rajpurkar et al. 2016 and 2018.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import Literal

import msgspec

from locoman.contracts import Score, Target

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


class SquadOptions(msgspec.Struct, frozen=True):
    """`measure` is what the score's value is. `version` 2 knows questions without an answer: expected is then an empty text (or
    no text at all), and an empty answer is right."""

    measure: Literal["f1", "exact"] = "f1"
    version: Literal[1, 2] = 2


class Squad:
    """Token F1 and exact match, each the best over the accepted answers."""

    def __init__(self, options: SquadOptions = SquadOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`; metrics: f1, exact."""
        accepted = target.accepted
        if self._options.version == 2:
            accepted = tuple(text for text in accepted if normalised(text)) or ("",)
        exact = max((exact_match(answer, text) for text in accepted), default=0.0)
        f1 = max((self._f1(answer, text) for text in accepted), default=0.0)
        return Score(f1 if self._options.measure == "f1" else exact, (("f1", f1), ("exact", exact)))

    def reading(self, answer: str, target: Target) -> str:
        """The normalised answer; see `vote`."""
        return normalised(answer)

    def _f1(self, answer: str, expected: str) -> float:
        given, wanted = normalised(answer).split(), normalised(expected).split()
        if self._options.version == 2 and not (given and wanted):
            return float(given == wanted)
        return token_f1(given, wanted)


def normalised(text: str) -> str:
    """`normalize_answer` of the official scripts."""
    plain = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(answer: str, expected: str) -> float:
    """1.0 when both are the same once they are normalised, else 0.0."""
    return float(normalised(answer) == normalised(expected))


def token_f1(given: list[str], wanted: list[str]) -> float:
    """The harmonic mean of precision and recall of the words, each counted as often as both have it."""
    same = sum((Counter(given) & Counter(wanted)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(given), same / len(wanted)
    return 2 * precision * recall / (precision + recall)
