"""The last question that the router decided, for `ask --wrong`. Written at every `ask`, so it imports little."""

from __future__ import annotations

import msgspec

from locoman.documents import read_text
from locoman.errors import InvalidFile, LocomanError, UsageError
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.workflows.router.labelled import MAX_TEXT

_MAX_BYTES = 1 << 16


class Asked(msgspec.Struct, frozen=True):
    """The last question that the router decided, and for whom (None = the plain base)."""

    text: str
    adapter: str | None


def remember_asked(home: Home, text: str, adapter: str | None) -> None:
    """Keeps the last question for `ask --wrong`; a home that cannot be written is asked all the same."""
    kept = text.strip()[:MAX_TEXT].encode("utf-8", "replace").decode()
    try:
        write_atomic(home.last_question, msgspec.json.encode(Asked(kept, adapter)), mode=0o600)
    except LocomanError:
        return


def last_asked(home: Home) -> Asked:
    """Raises UsageError when no question was asked yet."""
    try:
        return msgspec.json.decode(read_text(home.last_question, _MAX_BYTES), type=Asked)
    except (InvalidFile, msgspec.MsgspecError):
        raise UsageError("There is no last question that the router decided.") from None
