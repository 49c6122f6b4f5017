"""The text of an answer as its tokens come: whole characters only, and nothing that may be the start of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class AnswerText:
    """Takes the bytes of tokens, gives text; `stopped` once one of `stops` has come, which is not part of the text."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        """The text that is certain after this token."""
        self._held += self._decoder.decode(piece)
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            self.stopped = True
            text, self._held = self._held[: min(places)], ""
            return text
        kept = max((self._overlap(stop) for stop in self._stops), default=0)
        text, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return text

    def end(self) -> str:
        """What was held back, when no token follows."""
        return "" if self.stopped else self._held + self._decoder.decode(b"", final=True)

    def _overlap(self, stop: str) -> int:
        """How many characters at the end of what is held are the beginning of `stop`."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)
