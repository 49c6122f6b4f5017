"""What the adapter's own evaluation set says: the adapter on both bases, and the new base alone, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from locoman.evaluation.statistics import Interval, mcnemar, paired_bootstrap
from locoman.migration.evidence import Finding
from locoman.migration.scores import Asked, Measure, Scores, paired
from locoman.migration.subject import Candidate, Subject
from locoman.migration.thresholds import BehaviourRule

WEIGHTS_IN_QUESTION: tuple[Asked, ...] = ("adapter on old", "adapter on new", "new alone")
WEIGHTS_RULED_OUT: tuple[Asked, ...] = ("adapter on old", "new alone")
"""Where the weights cannot move, only this is open: whether the new base needs an adapter at all."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Has the cases asked, and compares. `asked` is what there is to find out."""

    rule: BehaviourRule
    measure: Measure
    asked: tuple[Asked, ...] = WEIGHTS_IN_QUESTION
    seed: int = 0
    name: Literal["behaviour"] = "behaviour"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "base suffices", "as good", "worse", "lost", "adds nothing", "too few cases", "weights ruled out"."""
        scores = self.measure(self.asked)
        cases = paired(scores, self.asked)
        numbers = {f"score, {who}": _mean(scores[who]) for who in scores if len(scores[who])} | {"cases": float(cases)}
        if cases < self.rule.minimum_cases:
            detail = f"Its evaluation set has {cases} cases; fewer than {self.rule.minimum_cases} show nothing."
            return Finding("open", "too few cases", detail, numbers)
        old, alone = scores["adapter on old"], scores["new alone"]
        spared = paired_bootstrap(alone, old, self.seed)
        numbers |= _named("new alone - adapter on old", spared)
        suffices = spared.low >= -self.rule.obsolete_loss
        if "adapter on new" not in self.asked:
            return self._ruled_out(suffices, scores, candidate, numbers)
        new = scores["adapter on new"]
        kept, gain = paired_bootstrap(new, old, self.seed), paired_bootstrap(new, alone, self.seed)
        numbers |= _named("adapter on new - adapter on old", kept) | _named("adapter on new - new alone", gain)
        numbers["p, adapter on new = adapter on old"] = mcnemar(new, old)
        outcome = self._compare(kept, gain, suffices, below=_mean(new) < adapter.minimum_score <= _mean(old))
        return Finding(*outcome, _told(scores, kept), numbers)

    def _ruled_out(self, suffices: bool, scores: Scores, candidate: Candidate, numbers: dict[str, float]) -> Finding:
        alone, old = _mean(scores["new alone"]), _mean(scores["adapter on old"])
        detail = f"{candidate.name} alone scores {alone:.3f}; the adapter scores {old:.3f} on its own base."
        return Finding("fail", "base suffices" if suffices else "weights ruled out", detail, numbers)

    def _compare(
        self, kept: Interval, gain: Interval, suffices: bool, *, below: bool
    ) -> tuple[Literal["pass", "concern", "fail"], str]:
        """Outcome and word. `below`: the adapter passed its gate on the old base and misses it on the new one."""
        if gain.low <= 0:
            return "fail", "base suffices" if suffices else "adds nothing"
        if kept.value < -self.rule.retrain_loss and kept.high < 0:
            return "fail", "lost"
        if kept.low >= -self.rule.compatible_loss and not below:
            return "pass", "as good"
        return "concern", "worse"


def _told(scores: Scores, kept: Interval) -> str:
    old, new, alone = (_mean(scores[who]) for who in WEIGHTS_IN_QUESTION)
    return (
        f"It scores {new:.3f} on the new base and {old:.3f} on the old one: {kept.value:+.3f}, "
        f"95 % interval {kept.low:+.3f} to {kept.high:+.3f}. The new base alone scores {alone:.3f}."
    )


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}, low": interval.low, f"{name}, high": interval.high}


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)
