"""feedback.jsonl in LOCOMAN_HOME: what the user said about where questions belong. Stays on this machine; can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from locoman.documents import read_jsonl
from locoman.errors import UnknownName, UsageError
from locoman.names import nearest
from locoman.store.home import Home
from locoman.workflows.router.labelled import MAX_TEXT, read_labelled

MAX_REMARKS = 20_000
_Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class Remark(Struct, frozen=True, forbid_unknown_fields=True):
    """A question and whose it is (None = the plain base); remarks made at one time have one `batch` number."""

    text: _Text
    adapter: str | None
    batch: Annotated[int, Meta(ge=0)] = 0


def read_feedback(home: Home) -> tuple[Remark, ...]:
    """Oldest first; () where nothing was said yet. Raises InvalidFile."""
    return tuple(read_jsonl(home.feedback, Remark)) if home.feedback.exists() else ()


def read_lessons_file(path: Path, known: Iterable[str]) -> tuple[Remark, ...]:
    """The remarks in a file, see `labelled`. Raises InvalidFile; UnknownName for an adapter not in `known`."""
    remarks = tuple(Remark(line.text, line.owner) for line in read_labelled(path))
    names = set(known)
    for remark in remarks:
        if remark.adapter is not None and remark.adapter not in names:
            raise UnknownName("installed adapter", remark.adapter, nearest(remark.adapter, names))
    return remarks


def with_remarks(known: Sequence[Remark], new: Iterable[Remark]) -> tuple[Remark, ...]:
    """`known` and one batch more. Raises UsageError when that is too much."""
    batch = max((remark.batch for remark in known), default=0) + 1
    together = (*known, *(Remark(remark.text, remark.adapter, batch) for remark in new))
    if len(together) > MAX_REMARKS:
        raise UsageError(f"More than {MAX_REMARKS} remarks cannot be kept.", "locoman router learn --undo")
    return together


def without_last(known: Sequence[Remark]) -> tuple[Remark, ...]:
    """`known` without its last batch. Raises UsageError when there is none."""
    if not known:
        raise UsageError("Nothing was learned from you that could be undone.", "locoman router show")
    last = max(remark.batch for remark in known)
    return tuple(remark for remark in known if remark.batch != last)


def written(remarks: Sequence[Remark]) -> bytes:
    """What the file holds."""
    return b"".join(msgspec.json.encode(remark) + b"\n" for remark in remarks)
