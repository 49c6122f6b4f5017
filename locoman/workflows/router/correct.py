"""A question went to the wrong adapter, says the user: where does it go now, and where should it?"""

from __future__ import annotations

from dataclasses import dataclass

from locoman.contracts import Decider
from locoman.errors import UsageError
from locoman.store.home import Home
from locoman.workflows.router.last_question import Asked
from locoman.workflows.router.teach import Taught, learn_one


@dataclass(frozen=True, slots=True)
class Corrected:
    """That `text`, which the router sent to `went`, belongs to `should` (None = the plain base)."""

    text: str
    went: str | None
    should: str | None
    taught: Taught


def correct(home: Home, decider: Decider, asked: Asked, should: str | None) -> Corrected:
    """Learns it. `should` is what was typed: an adapter, "base", or None where nothing was, which means the base.

    What counts is where the question goes now: that may have been corrected since it was answered. Raises UnknownName;
    UsageError where it goes there already, or where the user had chosen himself who answers and does not say better.
    """
    if asked.chosen and should is None:
        raise UsageError(
            "You had chosen yourself who answers that question, so it was not the router that was wrong. "
            "Say where it belongs, with its name or base.",
            "locoman ask --wrong --should NAME",
        )
    target = None if should in (None, "base") else should
    went = decider.decide(asked.text, asked.before).adapter
    return Corrected(asked.text, went, target, learn_one(home, asked.text, went, target))
