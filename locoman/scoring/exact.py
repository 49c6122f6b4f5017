"""The answer is the expected text, give or take case, white space and a closing full stop."""

from __future__ import annotations

import unicodedata

from locoman.contracts import Score, Target


def normalised(text: str) -> str:
    """NFKC, case folded, white space collapsed, without a closing "." or "!"."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".!").rstrip()


class Exact:
    """1.0 for an accepted answer, else 0.0."""

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        return Score(float(normalised(answer) in {normalised(text) for text in target.accepted}))
