"""The answer contains an accepted text."""

from __future__ import annotations

import re

import msgspec

from locoman.contracts import Score, Target
from locoman.scoring.exact import normalised


class ContainsOptions(msgspec.Struct, frozen=True):
    """`every`: all accepted texts must be in it, and the score is their share; `whole_words`: not inside a longer word."""

    every: bool = False
    whole_words: bool = True


class Contains:
    """1.0 when an accepted text stands in the answer, whatever its case and white space, else 0.0."""

    def __init__(self, options: ContainsOptions = ContainsOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        text = normalised(answer)
        found = [self._stands_in(text, normalised(part)) for part in target.accepted]
        if not self._options.every:
            return Score(float(any(found)))
        missing = [part for part, there in zip(target.accepted, found, strict=True) if not there]
        note = f"missing: {', '.join(missing)}" if missing else ""
        return Score(sum(found) / len(found) if found else 0.0, note=note)

    def _stands_in(self, text: str, part: str) -> bool:
        if not self._options.whole_words:
            return part in text
        return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None
