"""The answer matches a regular expression: the option's, or each case's own in place of its answer."""

from __future__ import annotations

import msgspec

from locoman.contracts import Score, Target
from locoman.errors import InvalidOption, ScorerFailed
from locoman.scoring.guard import GuardedPattern


class RegexOptions(msgspec.Struct, frozen=True):
    """`pattern` "" takes what the case accepts as patterns; `whole`: the whole answer must match, without the white space
    around it."""

    pattern: str = ""
    whole: bool = False
    ignore_case: bool = False


class Regex:
    """1.0 when a pattern is found in the answer, else 0.0. Patterns as the Python package `regex` knows them, as `re` does."""

    def __init__(self, options: RegexOptions = RegexOptions()) -> None:  # noqa: B008  (frozen)
        self._options = options
        self._pattern = self._compiled(options.pattern) if options.pattern else None

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        patterns = [self._pattern] if self._pattern else [self._of_case(text, target) for text in target.accepted]
        text = answer.strip()
        found = (pattern.full_match(text) if self._options.whole else pattern.search(text) for pattern in patterns)
        return Score(float(any(found)))

    def _compiled(self, pattern: str) -> GuardedPattern:
        return GuardedPattern(pattern, "regex", "pattern", ignore_case=self._options.ignore_case)

    def _of_case(self, pattern: str, target: Target) -> GuardedPattern:
        try:
            return self._compiled(pattern)
        except InvalidOption as error:
            raise ScorerFailed(f"The case {target.question[:80]!r} accepts {error.detail}.") from error
