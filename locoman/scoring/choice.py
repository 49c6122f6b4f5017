"""Which of the choices an answer means: by its letter, or by the choice's own text.

An answer that weighs several choices counts by where it last says which it takes ("The answer is B."), else by the last line
that is nothing but a letter, else by the letter that it begins with ("B. Paris"), else by the only letter that it names, else
by the only choice whose text it has.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Literal

import msgspec

from locoman.contracts import Score, Target
from locoman.errors import ScorerFailed
from locoman.scoring.exact import normalised

LETTERS = string.ascii_uppercase
_OPEN, _CLOSE = r"[*_`\"'(\[\s]{0,10}", r"(?=[*_`\"')\].,:;!]|\s*$|\s+(?i:because|since|is|as|for|which)\b)"
_SAID = rf"{_OPEN}(?:([B-HJ-Z])(?![\w'’])|([A-Za-z]){_CLOSE})"  # A and I may be words, and so may small letters
_PATTERNS = (  # with whether it counts only where all that it finds is one letter
    (
        re.compile(
            rf"(?i:\b(?:answer|antwort|r[ée]ponse|respuesta)\b(?:\s+(?:is|ist|est|es))?\s*:?)"
            rf"{_OPEN}(?i:(?:option|choice)\s+)?{_SAID}",
            re.MULTILINE,
        ),
        False,
    ),
    (re.compile(r"^[ *_`\"'(\[]*([A-Za-z])[ *_`\"'.:)\]]*$", re.MULTILINE), False),
    (re.compile(r"\A[\s*_`\"'(\[]*([A-Za-z])[)\].:][\s*]"), False),
    (re.compile(rf"(?i:\b(?:option|choice)\b\s*:?){_SAID}", re.MULTILINE), True),
    (re.compile(r"[(\[]([A-Za-z])[)\]]"), True),
    (re.compile(r"(?<![\w'’])([A-Z])(?![\w'’])"), True),
)
_MAY_BE_WORDS = "AI"


class ChoiceOptions(msgspec.Struct, frozen=True):
    """`by` says what counts: the letter, the choice's text, or either, the letter first."""

    by: Literal["either", "letter", "text"] = "either"


class Choice:
    """1.0 when the answer means an accepted choice, else 0.0. What is accepted is a choice's text, or its letter."""

    def __init__(self, options: ChoiceOptions = ChoiceOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        right = accepted_choices(target)
        meant = self.meant(answer, target.choices)
        if meant is None:
            return Score(0.0, note="no choice")
        return Score(float(meant in right), note="" if meant in right else f"chose {LETTERS[meant]}")

    def reading(self, answer: str, target: Target) -> str | None:
        """The letter of the choice that is meant; see `vote`."""
        meant = self.meant(answer, target.choices)
        return None if meant is None else LETTERS[meant]

    def meant(self, answer: str, choices: Sequence[str]) -> int | None:
        """The place of the choice that the answer means; None when it means none, or several."""
        if self._options.by != "text" and (letter := _letter(answer, len(choices))) is not None:
            return letter
        return None if self._options.by == "letter" else _by_text(answer, choices)


def accepted_choices(target: Target) -> frozenset[int]:
    """The places of the accepted choices. Raises ScorerFailed for a case that has no choices, or accepts none of them."""
    if not 2 <= len(target.choices) <= len(LETTERS):
        raise ScorerFailed(f"The case {target.question[:80]!r} has {len(target.choices)} choices: 2 to 26 are needed.")
    found: set[int] = set()
    for text in target.accepted:
        letter = text.strip().strip("().").upper()
        if text in target.choices:
            found.add(target.choices.index(text))
        elif len(letter) == 1 and letter in LETTERS[: len(target.choices)]:
            found.add(LETTERS.index(letter))
        else:
            found.update(i for i, choice in enumerate(target.choices) if normalised(choice) == normalised(text))
    if not found:
        raise ScorerFailed(f"The case {target.question[:80]!r} accepts nothing that is among its choices.")
    return frozenset(found)


def score_likelihoods(log_likelihoods: Sequence[float], target: Target) -> Score:
    """The score of the choice that is most probable, given the natural logarithm of each one's probability as the answer.

    `acc` takes them as they are, `acc_norm` divides by the length of the choice in characters, `acc_bytes` by that in UTF-8
    bytes; of equals the first wins (lm_eval/api/task.py, `multiple_choice`). The value is `acc`. Raises ScorerFailed.
    """
    right = accepted_choices(target)
    if len(log_likelihoods) != len(target.choices):
        raise ScorerFailed(f"{len(log_likelihoods)} log-likelihoods were given for {len(target.choices)} choices.")

    def hit(lengths: Sequence[int]) -> float:
        values = [value / (length or 1) for value, length in zip(log_likelihoods, lengths, strict=True)]
        return float(max(range(len(values)), key=values.__getitem__) in right)

    acc = hit([1] * len(log_likelihoods))
    norm = hit([len(choice) for choice in target.choices])
    by_bytes = hit([len(choice.encode()) for choice in target.choices])
    return Score(acc, (("acc", acc), ("acc_norm", norm), ("acc_bytes", by_bytes)))


def _letter(answer: str, count: int) -> int | None:
    known = LETTERS[:count]
    # without long runs of white space, over which the patterns would take long
    text = "\n".join(" ".join(line.split()) for line in answer.splitlines() if line.strip())
    for pattern, only in _PATTERNS:
        found = ("".join(match).upper() for match in pattern.findall(text))
        letters = [letter for letter in found if letter in known]
        if letters and (not only or len(set(letters)) == 1):
            sure = pattern is not _PATTERNS[-1][0] or letters[-1] not in _MAY_BE_WORDS
            return known.index(letters[-1]) if sure else None
    return None


def _by_text(answer: str, choices: Sequence[str]) -> int | None:
    text = normalised(answer)
    same = [i for i, choice in enumerate(choices) if normalised(choice) == text]
    if same:
        return same[0]
    inside = [
        i
        for i, choice in enumerate(choices)
        if normalised(choice) and re.search(rf"(?<!\w){re.escape(normalised(choice))}(?!\w)", text)
    ]
    # "not a mammal" has "a mammal" in it: a choice that lies inside another that is there does not count
    outer = [i for i in inside if not any(j != i and normalised(choices[i]) in normalised(choices[j]) for j in inside)]
    return outer[0] if len(outer) == 1 else None
