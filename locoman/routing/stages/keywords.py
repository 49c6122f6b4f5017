"""The stage that knows phrases which always mean one adapter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from locoman.contracts import Candidate, Decision, Message
from locoman.routing.text import normalise

NAME = "keywords"


class KeywordStage:
    """Decides when the question holds a declared phrase of exactly one adapter; passes on otherwise."""

    def __init__(self, keywords: Mapping[str, Iterable[str]]) -> None:
        """`keywords` maps an adapter's name to its phrases; spelling is compared as `text.normalise` leaves it."""
        compiled = ((adapter, _pattern(phrases)) for adapter, phrases in keywords.items())
        self._patterns = [(adapter, pattern) for adapter, pattern in compiled if pattern is not None]

    def decide(self, question: str, history: Sequence[Message]) -> Decision | None:
        """The adapter whose phrase occurs, with certainty; None when none occurs or two adapters claim the question."""
        if not self._patterns:
            return None
        text = normalise(question)
        found = [adapter for adapter, pattern in self._patterns if pattern.search(text)]
        if len(found) != 1:
            return None
        return Decision(found[0], 1.0, NAME, (Candidate(found[0], 1.0),))


def _pattern(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """Matches any of the phrases as whole words; None when nothing is left of them after normalising."""
    known = sorted({text for phrase in phrases if (text := normalise(phrase))})
    return re.compile("|".join(map(_bounded, known))) if known else None


def _bounded(phrase: str) -> str:
    """The phrase as a pattern, with a word boundary at each end that is a letter or a digit ("c++" has one)."""
    head = r"(?<!\w)" if phrase[0].isalnum() else ""
    tail = r"(?!\w)" if phrase[-1].isalnum() else ""
    return head + re.escape(phrase) + tail
