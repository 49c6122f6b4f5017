"""The answer is the expected text, give or take case, white space and a closing full stop."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def normalised(text: str) -> str:
    """NFKC, case folded, white space collapsed, without a closing "." or "!"."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".!").rstrip()


class Exact:
    """1.0 for an accepted answer, else 0.0."""

    def score(self, answer: str, expected: Sequence[str]) -> float:
        """See `locoman.contracts.Scorer`."""
        return float(normalised(answer) in {normalised(text) for text in expected})
