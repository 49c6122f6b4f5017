"""ROUGE, as Google's package rouge-score computes it (Lin 2004): words and phrases that a summary shares with a reference."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Literal

import msgspec

from locoman.contracts import Score, Target
from locoman.errors import ExtraMissing

MEASURES = ("rouge1", "rouge2", "rougeL")
MAX_WORDS = 2000
"""What is read of a text; the longest common subsequence takes time that grows with the product of both lengths."""
_WORD = re.compile(r"[A-Za-z0-9]+")


class RougeOptions(msgspec.Struct, frozen=True):
    """`measure` is what the score's value is; `stemmer` takes "runs" and "running" for the same word (English only)."""

    measure: Literal["rouge1", "rouge2", "rougeL"] = "rougeL"
    stemmer: bool = False


class Rouge:
    """The F-measures of ROUGE-1, ROUGE-2 and ROUGE-L, each the best over the accepted answers."""

    def __init__(self, options: RougeOptions = RougeOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options
        self._scorer: Any = _scorer(options.stemmer)

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`; metrics: rouge1, rouge2, rougeL."""
        read = _beginning(answer)
        found = [self._scorer.score(_beginning(text), read) for text in target.accepted]
        best = {name: max((float(one[name].fmeasure) for one in found), default=0.0) for name in MEASURES}
        note = f"only the first {MAX_WORDS:,} words were read" if len(read) < len(answer) else ""
        return Score(best[self._options.measure], tuple(best.items()), note)


def _beginning(text: str) -> str:
    """`text` up to its MAX_WORDS-th word, as rouge-score parts words."""
    more = next(islice(_WORD.finditer(text), MAX_WORDS, None), None)
    return text if more is None else text[: more.start()]


def _scorer(stemmer: bool) -> object:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise ExtraMissing("rouge-score", "eval", "The scorer rouge") from error
    return RougeScorer(list(MEASURES), use_stemmer=stemmer)
