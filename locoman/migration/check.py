"""The check of one adapter against a new base: cheap levels first, behaviour only where they leave something open."""

from __future__ import annotations

import time
from collections.abc import Sequence

from locoman.migration.evidence import AdapterVerdict, Evidence
from locoman.migration.levels import cheap_levels
from locoman.migration.levels.behaviour import WEIGHTS_IN_QUESTION, WEIGHTS_RULED_OUT, Behaviour
from locoman.migration.levels.level import Level
from locoman.migration.scores import Asked, Measure
from locoman.migration.subject import Candidate, Subject
from locoman.migration.thresholds import thresholds
from locoman.migration.verdict import decide, ruled_out


def check_adapter(
    adapter: Subject,
    candidate: Candidate,
    measure: Measure | None = None,
    *,
    cheap: Sequence[Evidence] | None = None,
    seed: int = 0,
) -> AdapterVerdict:
    """What becomes of `adapter` on `candidate`.

    `measure` is called at most once, and asks only for what is not decided without it: where the weights cannot move, the
    new base alone may still make the adapter obsolete. Without it nothing is asked, and what is not ruled out stays
    `recheck`. `cheap` is what `cheap_evidence` gave, where it was looked for already. `seed` is that of the bootstrap.

    Raises what `measure` raises, StoreError, UsageError (scores of unlike cases).
    """
    evidence = list(cheap if cheap is not None else cheap_evidence(adapter, candidate))
    if measure is not None:
        behaviour = Behaviour(thresholds().behaviour, measure, who_is_asked(evidence), seed)
        evidence.append(_looked(behaviour, adapter, candidate))
    verdict, rests_on = decide(evidence)
    reason = rests_on.finding.detail
    if verdict == "recheck" and measure is None:
        reason += " Its own cases were not asked."
    return AdapterVerdict(adapter.name, verdict, rests_on.level, reason, tuple(evidence))


def cheap_evidence(adapter: Subject, candidate: Candidate) -> tuple[Evidence, ...]:
    """What the levels find for which nothing is asked, up to the first that rules the weights out."""
    found: list[Evidence] = []
    for level in cheap_levels(thresholds()):
        found.append(_looked(level, adapter, candidate))
        if ruled_out(found):
            break
    return tuple(found)


def who_is_asked(cheap: Sequence[Evidence]) -> tuple[Asked, ...]:
    """Whom the cases are put to, after this evidence."""
    return WEIGHTS_RULED_OUT if ruled_out(cheap) else WEIGHTS_IN_QUESTION


def _looked(level: Level, adapter: Subject, candidate: Candidate) -> Evidence:
    started = time.perf_counter()
    finding = level.look(adapter, candidate)
    return Evidence(level.name, finding, time.perf_counter() - started)
