"""What the user says about where questions belong: kept, fitted, and undone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from locoman.errors import UnknownName, UsageError
from locoman.names import nearest
from locoman.store.home import Home
from locoman.store.registry import Registry
from locoman.store.transaction import change
from locoman.workflows.router.feedback import (
    Remark,
    read_feedback,
    read_lessons_file,
    with_remarks,
    without_last,
    written,
)
from locoman.workflows.router.fitting import Fit, refit_all
from locoman.workflows.router.labelled import MAX_TEXT


@dataclass(frozen=True, slots=True)
class Taught:
    """How many remarks came (below 0: went), how many there are now, and the fits that followed."""

    changed: int
    remarks: int
    fits: tuple[Fit, ...]


def learn_file(home: Home, path: Path) -> Taught:
    """Learns the lines {"text", "adapter"} of a file. Raises InvalidFile, UnknownName, UsageError."""
    return _teach(home, lambda registry, known: with_remarks(known, read_lessons_file(path, registry.names())))


def learn_one(home: Home, text: str, wrong: str | None, should: str | None) -> Taught:
    """Learns that `text`, which goes to `wrong`, belongs to `should` (None = the plain base).

    Raises UnknownName, UsageError (it goes there already).
    """

    def remarks(registry: Registry, known: Sequence[Remark]) -> tuple[Remark, ...]:
        names = registry.names()
        if should is not None and should not in names:
            raise UnknownName("installed adapter", should, nearest(should, names))
        if should == wrong:
            sentence = f"That is where the question goes already: {should or 'the plain base'}."
            raise UsageError(sentence, f"locoman route --explain {shlex.quote(text.strip()[:100])}")
        return with_remarks(known, [Remark(text.strip()[:MAX_TEXT], should)])

    return _teach(home, remarks)


def undo(home: Home) -> Taught:
    """Forgets what was learned last. Raises UsageError when nothing was."""
    return _teach(home, lambda _, known: without_last(known))


def _teach(home: Home, changed: Callable[[Registry, Sequence[Remark]], tuple[Remark, ...]]) -> Taught:
    """Everything is read and fitted before anything is written; then the remarks and their routers come in one commit."""
    with change(home) as tx:
        tx.registry.current()
        before = read_feedback(home)
        after = changed(tx.registry, before)
        registry, fits = refit_all(tx, tx.registry, after)
        tx.commit(registry, {home.feedback.name: written(after)})
        return Taught(len(after) - len(before), len(after), fits)
