"""Which candidates are left when the requirements are applied, and in which order they should be tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.requirements import check_all
from locoman.evaluation.selection.subject import Subject, months_between

FAST_MACHINE_BYTES = 4_000_000_000
TUNED = "fine-tuned rank"
_NO_RANK = 1000.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A model with all checks; `preferences` say in words, strongest first, what speaks for its place."""

    subject: Subject
    checks: tuple[Check, ...]
    preferences: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def unknown(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome == "unknown")


@dataclass(frozen=True, slots=True)
class Pick:
    """`ranked` best first; `eliminated` with the checks that failed; `fast` is the best one for machines with 4 GB."""

    wishes: Wishes
    ranked: tuple[Judged, ...]
    eliminated: tuple[Judged, ...]
    fast: str | None


def judge(subjects: Iterable[Subject], wishes: Wishes) -> tuple[Judged, ...]:
    """Every model held against every requirement, in the order given."""
    return tuple(Judged(s, check_all(s, wishes), _preferences(s, wishes)) for s in subjects)


def pick(subjects: Iterable[Subject], wishes: Wishes) -> Pick:
    """A failed requirement eliminates, an unknown one does not. What is left is ordered by the soft preferences.

    Tunability comes first, by the rank that others measured after fine-tuning; then languages, a living line of releases,
    standard tools, and the smaller one. With `wishes.speed` the fast tier goes before all.
    """
    subjects = tuple(subjects)
    judged = judge(subjects, wishes)
    ranked = sorted((each for each in judged if not each.failed), key=lambda each: _key(each.subject, wishes))
    eliminated = sorted((each for each in judged if each.failed), key=lambda each: _key(each.subject, wishes))
    return Pick(wishes, tuple(ranked), tuple(eliminated), _fast(subjects, wishes))


def _fast(subjects: tuple[Subject, ...], wishes: Wishes) -> str | None:
    """The same question for a machine with 4 GB."""
    small = replace(wishes, memory=min(wishes.memory or FAST_MACHINE_BYTES, FAST_MACHINE_BYTES))
    left = [each.subject for each in judge(subjects, small) if not each.failed]
    return min(left, key=lambda subject: _key(subject, small)).name if left else None


def _key(subject: Subject, wishes: Wishes) -> tuple[float | str, ...]:
    tier = 0.0 if not wishes.speed or subject.tier == "fast" else 1.0
    tuned = subject.figure(TUNED)
    languages = float(subject.languages_total or len(subject.languages))
    age = float(months_between(subject.line_released, wishes.today)) if subject.line_released else _NO_RANK
    memory = float(subject.memory) if subject.memory is not None else float("inf")
    measured = 0.0 if subject.figures else 1.0
    tunability = tuned.value if tuned else _NO_RANK
    return tier, tunability, measured, -languages, age, -float(len(subject.tools)), memory, subject.name


def _preferences(subject: Subject, wishes: Wishes) -> tuple[str, ...]:
    found = []
    if wishes.speed and subject.tier == "fast":
        found.append("fast tier")
    if tuned := subject.figure(TUNED):
        found.append(f"rank {tuned.value:g} after fine-tuning ({tuned.source.split(',')[0]}, {tuned.date})")
    else:
        found.append("nobody has recorded how well it is tuned")
    if subject.languages_total:
        found.append(f"{subject.languages_total} {'language' if subject.languages_total == 1 else 'languages'}")
    if subject.line_released:
        found.append(f"last release {subject.line_released}")
    return tuple(found)
