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
        compiled = ((adapter, keyword_pattern(phrases)) for adapter, phrases in keywords.items())
        self._patterns = [(adapter, pattern) for adapter, pattern in compiled if pattern is not None]

    def decide(self, question: str, history: Sequence[Message]) -> Decision | None:
        """The adapter whose phrase occurs, with certainty; None when none occurs or two adapters claim the question."""
        found = self.found(question)
        if len(found) != 1:
            return None
        ((adapter, _),) = found
        return Decision(adapter, 1.0, NAME, (Candidate(adapter, 1.0),))

    def found(self, question: str) -> list[tuple[str, str]]:
        """Each adapter of which a phrase occurs, with the first such phrase, normalised."""
        if not self._patterns:
            return []
        text = normalise(question)
        matches = ((adapter, pattern.search(text)) for adapter, pattern in self._patterns)
        return [(adapter, match.group()) for adapter, match in matches if match]


def keyword_pattern(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """Matches any of the phrases as whole words; None when nothing is left of them after normalising."""
    known = sorted({text for phrase in phrases if (text := normalise(phrase))})
    return re.compile("|".join(map(_bounded, known))) if known else None


def _bounded(phrase: str) -> str:
    """The phrase as a pattern, with a word boundary at each end that is a letter or a digit ("c++" has one)."""
    head = r"(?<!\w)" if phrase[0].isalnum() else ""
    tail = r"(?!\w)" if phrase[-1].isalnum() else ""
    return head + re.escape(phrase) + tail
