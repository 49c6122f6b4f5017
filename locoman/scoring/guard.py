"""Regular expressions that somebody else wrote: searched with a limit on time, so that no pattern can hang a run.

The package `regex` understands what `re` does, and more; it can be told when to give up, which `re` cannot.
"""

from __future__ import annotations

from typing import Any

from locoman.errors import InvalidOption, ScorerFailed

SECONDS = 2.0
MAX_PATTERN = 2000


class GuardedPattern:
    """A compiled pattern of the option `option` of the scorer `scorer`. Raises InvalidOption when it is none."""

    def __init__(self, pattern: str, scorer: str, option: str, *, ignore_case: bool = False) -> None:
        import regex

        if len(pattern) > MAX_PATTERN:
            raise InvalidOption(scorer, option, f"a pattern of more than {MAX_PATTERN} characters")
        try:
            self._compiled: Any = regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
        except (regex.error, RecursionError, OverflowError, MemoryError) as error:
            raise InvalidOption(scorer, option, f"{pattern[:80]!r} is no regular expression ({error})") from error
        self._pattern, self._scorer = pattern, scorer

    def search(self, text: str) -> bool:
        """Whether it is found anywhere. Raises ScorerFailed when that takes too long, as all below do."""
        return self._timed("search", text) is not None

    def full_match(self, text: str) -> bool:
        """Whether it is the whole text."""
        return self._timed("fullmatch", text) is not None

    def find_all(self, text: str) -> list[str | tuple[str, ...]]:
        """As `re.findall`."""
        return list(self._timed("findall", text))

    def remove_from(self, text: str) -> str:
        """`text` without what it matches."""
        try:
            return str(self._compiled.sub("", text, timeout=SECONDS))
        except (TimeoutError, MemoryError) as error:
            raise self._too_slow() from error

    def _timed(self, method: str, text: str) -> Any:
        try:
            return getattr(self._compiled, method)(text, timeout=SECONDS)
        except (TimeoutError, MemoryError) as error:
            raise self._too_slow() from error

    def _too_slow(self) -> ScorerFailed:
        return ScorerFailed(
            f"The scorer {self._scorer} gave up on the pattern {self._pattern[:80]!r} after {SECONDS:g} seconds; "
            "it needs too many attempts on this answer."
        )
