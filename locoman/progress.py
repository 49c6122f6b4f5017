"""How long work says how far it is: by callbacks, because the core never prints."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None, str], None]
"""Called with (done, total or None, unit) while long work goes on."""


def no_progress(done: int, total: int | None, unit: str) -> None:
    """The Progress that shows nothing."""


def shifted(progress: Progress, before: int, total: int) -> Progress:
    """For a part of long work: `before` of `total` was done when it began, and that is what `progress` is told."""
    return lambda done, _, unit: progress(min(before + done, total), total, unit)


Stages = Callable[[str], Progress]
"""Called with the title of a piece of long work; what it returns is called while that piece goes on."""


def quiet_stages(title: str) -> Progress:
    """The Stages that show nothing."""
    return no_progress
