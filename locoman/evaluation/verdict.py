"""Is the adapter better than its base, and does it leave alone what is not its own: the gate's verdict with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from locoman.evaluation.statistics import Interval, mcnemar, mean_interval, paired_bootstrap
from locoman.evaluation.suite import SuiteGate

Grade = Literal["strong", "iterate", "rethink", "unproven"]

STRONG = 0.15
ITERATE = 0.05
SIGNIFICANT = 0.05
LOSS_REPORTED = 0.05
LOSS_FAILS = 0.10


@dataclass(frozen=True, slots=True)
class Loss:
    """What an adapter loses against the base on a suite that is not its own; `value` is positive where it is worse."""

    suite: str
    loss: Interval

    @property
    def reported(self) -> bool:
        """Over five points."""
        return self.loss.value > LOSS_REPORTED

    @property
    def fails(self) -> bool:
        """Over ten points."""
        return self.loss.value > LOSS_FAILS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says.

    Args:
        grade: strong (at least 15 points better), iterate (5 to 15), rethink (under 5), unproven (the difference may be
            chance, or there are too few cases).
        p: McNemar's, exact; for scores between 0 and 1 a case counts as right from 0.5.
        reasons: what speaks against it, in words; none where it passed.
    """

    passed: bool
    grade: Grade
    adapter: Interval
    base: Interval
    gain: Interval
    p: float
    significant: bool
    losses: tuple[Loss, ...] = ()
    reasons: tuple[str, ...] = ()


def verdict(
    gate: SuiteGate,
    adapter: Sequence[float],
    base: Sequence[float],
    others: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    seed: int = 0,
) -> Verdict:
    """Judges the scores of an adapter and of its base on the same cases; `others` has both by suite that is not its own.

    An adapter is significantly better when the 95 % interval of its gain lies above 0 and, where every score is 0 or 1,
    McNemar's p is under 0.05 too. Raises ValueError where cases are missing.
    """
    gain = paired_bootstrap(adapter, base, seed)
    p = mcnemar(adapter, base)
    shares = all(score in (0.0, 1.0) for score in (*adapter, *base))
    significant = gain.low > 0.0 and (p < SIGNIFICANT or not shares)
    losses = tuple(Loss(name, paired_bootstrap(of_base, own, seed)) for name, (own, of_base) in (others or {}).items())
    own, plain = mean_interval(adapter, seed), mean_interval(base, seed)
    reasons = (*_against(gate, own, gain, p, len(adapter), significant), *_losses(losses))
    return Verdict(
        passed=not reasons,
        grade=_grade(gain.value, significant and len(adapter) >= gate.minimum_cases),
        adapter=own,
        base=plain,
        gain=gain,
        p=p,
        significant=significant,
        losses=losses,
        reasons=reasons,
    )


def _grade(gain: float, proven: bool) -> Grade:
    rounded = round(gain, 9)  # 0.15 as a mean of differences is not quite 0.15
    if rounded < ITERATE:
        return "rethink"
    if not proven:
        return "unproven"
    return "strong" if rounded >= STRONG else "iterate"


def _against(gate: SuiteGate, own: Interval, gain: Interval, p: float, cases: int, significant: bool) -> list[str]:
    reasons = []
    if cases < gate.minimum_cases:
        reasons.append(f"{cases} cases are too few: the gate asks for {gate.minimum_cases}")
    if not significant:
        reasons.append(
            f"it is not significantly better than the base: {_points(gain.value)} points, "
            f"95 % interval {_points(gain.low)} to {_points(gain.high)}, p = {p:.2g}"
        )
    if round(own.value, 9) < gate.minimum_score:
        reasons.append(f"its score of {own.value:.1%} is under the gate's {gate.minimum_score:.1%}")
    wanted = max(gate.minimum_gain, ITERATE)
    if round(gain.value, 9) < wanted:
        reasons.append(f"its gain of {_points(gain.value)} points is under the {100 * wanted:.1f} that are asked for")
    return reasons


def _losses(losses: Sequence[Loss]) -> list[str]:
    return [
        f"it loses {100 * loss.loss.value:.1f} points on {loss.suite}, more than 10" for loss in losses if loss.fails
    ]


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
