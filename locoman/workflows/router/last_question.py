"""The last question that `ask` or `chat` answered, for `ask --wrong`. Written at every answer, so it imports little."""

from __future__ import annotations

import msgspec

from locoman.contracts import Message
from locoman.documents import read_text
from locoman.errors import InvalidFile, LocomanError, UsageError
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.workflows.router.labelled import MAX_TEXT

KEPT = 16  # turns of its conversation before it, on which a follow-up may lean
_MAX_BYTES = 1 << 19


class Asked(msgspec.Struct, frozen=True):
    """A question, the turns `before` it in its conversation, oldest first, and whether the user had `chosen` who answers."""

    text: str
    before: tuple[Message, ...] = ()
    chosen: bool = False


def remember_asked(home: Home, asked: Asked) -> None:
    """Keeps it for `ask --wrong`; a home that cannot be written is asked all the same."""
    kept = Asked(_cut(asked.text), tuple(Message(m.role, _cut(m.content)) for m in asked.before[-KEPT:]), asked.chosen)
    try:
        write_atomic(home.last_question, msgspec.json.encode(kept), mode=0o600)
    except LocomanError:
        return


def last_asked(home: Home) -> Asked:
    """Raises UsageError when no question was asked yet."""
    try:
        return msgspec.json.decode(read_text(home.last_question, _MAX_BYTES), type=Asked)
    except (InvalidFile, msgspec.MsgspecError):
        raise UsageError("No question was asked yet.", 'locoman ask --wrong --should NAME "the question"') from None


def _cut(text: str) -> str:
    return text.strip()[:MAX_TEXT].encode("utf-8", "replace").decode()
