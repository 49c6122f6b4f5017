"""The answer contains an accepted text as whole words."""

from __future__ import annotations

import re

from locoman.contracts import Score, Target
from locoman.scoring.exact import normalised


class Contains:
    """1.0 when an accepted text stands in the answer, not inside a longer word, else 0.0."""

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        text = normalised(answer)
        return Score(
            float(any(re.search(rf"(?<!\w){re.escape(normalised(part))}(?!\w)", text) for part in target.accepted))
        )
