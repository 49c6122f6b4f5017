"""The answer is the expected text, give or take what the options let pass.

With `LM_EVAL` and its own options it is lm-evaluation-harness' `exact_match` behind a `regex` filter, answer for answer
(lm_eval/api/metrics.py and lm_eval/filters/extraction.py).
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from locoman.contracts import Score, Target
from locoman.errors import InvalidOption
from locoman.scoring.guard import GuardedPattern

_ARTICLES = frozenset({"a", "an", "the"})
_DROP_PUNCTUATION = str.maketrans("", "", string.punctuation)
_DROP_DIGITS = str.maketrans("", "", string.digits)

LM_EVAL: Mapping[str, Any] = {"case": "keep", "white_space": "keep", "closing": "keep", "unicode": "keep"}
"""The options with which nothing passes; `ignore_case: true` of lm-evaluation-harness is {"case": "lower"} beside them."""


class ExactOptions(msgspec.Struct, frozen=True):
    """What is passed over, in the order in which it is taken away, from the answer and from what is expected.

    `extract` is a pattern for what of the answer counts: its `extract_at`-th match (0 the first, -1 the last), of that the
    first group that is not empty; without a match the answer is "[invalid]".
    """

    extract: str = ""
    extract_at: int = 0
    unicode: Literal["nfkc", "keep"] = "nfkc"
    regexes_to_ignore: Annotated[tuple[str, ...], msgspec.Meta(max_length=20)] = ()
    case: Literal["fold", "lower", "keep"] = "fold"
    ignore_punctuation: bool = False
    ignore_numbers: bool = False
    ignore_articles: bool = False
    white_space: Literal["collapse", "keep"] = "collapse"
    closing: Literal["ignore", "keep"] = "ignore"


class Exact:
    """1.0 for an accepted answer, else 0.0."""

    def __init__(self, options: ExactOptions = ExactOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options
        self._ignored = tuple(GuardedPattern(p, "exact", "regexes_to_ignore") for p in options.regexes_to_ignore)
        self._extract = GuardedPattern(options.extract, "exact", "extract") if options.extract else None
        if options.extract_at and not options.extract:
            raise InvalidOption("exact", "extract_at", "it says which match of extract counts, and there is no extract")

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        return Score(float(self.reading(answer, target) in {self.plain(text) for text in target.accepted}))

    def reading(self, answer: str, target: Target) -> str:
        """What of the answer is compared; see `vote`."""
        return self.plain(self.extracted(answer))

    def plain(self, text: str) -> str:
        """`text` without what is passed over."""
        options = self._options
        if options.unicode == "nfkc":
            text = unicodedata.normalize("NFKC", text)
        for pattern in self._ignored:
            text = pattern.remove_from(text)
        if options.case == "fold":
            text = text.casefold()
        elif options.case == "lower":
            text = text.lower()[: len(text)]  # as numpy does it for the harness: the few texts that get longer are cut
        if options.ignore_punctuation:
            text = text.translate(_DROP_PUNCTUATION)
        if options.ignore_numbers:
            text = text.translate(_DROP_DIGITS)
        if options.ignore_articles:
            text = " ".join(word for word in text.split() if word.casefold() not in _ARTICLES)
        if options.white_space == "collapse":
            text = " ".join(text.split())
        return text.rstrip(".!").rstrip() if options.closing == "ignore" else text

    def extracted(self, answer: str) -> str:
        """What of the answer counts."""
        if self._extract is None:
            return answer
        found = self._extract.find_all(answer)
        try:
            match = found[self._options.extract_at]
        except IndexError:
            return "[invalid]"
        if isinstance(match, tuple):
            match = next((group for group in match if group), "[invalid]")
        return match.strip()


def normalised(text: str) -> str:
    """NFKC, case folded, white space collapsed, without a closing "." or "!"."""
    return _DEFAULT.plain(text)


_DEFAULT = Exact()
