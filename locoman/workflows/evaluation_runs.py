"""Evaluations that lie in LOCOMAN_HOME/evals: which there are, one of them, and two of them case by case."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.errors import CheckFailed, InvalidFile, UnknownName, UsageError
from locoman.evaluation.journal import HEADER, StoredRun, read_run
from locoman.evaluation.results import CaseResult
from locoman.evaluation.statistics import Interval, mcnemar, mean_interval, paired_bootstrap
from locoman.names import nearest
from locoman.store.home import Home

LAST = "last"


def stored_runs(home: Home) -> tuple[tuple[StoredRun, ...], tuple[InvalidFile, ...]]:
    """Every run, the newest first, and what is wrong with those that cannot be read. Raises StoreError."""
    runs, broken = [], []
    for folder in home.evals.glob("*"):
        if not (folder / HEADER).is_file():
            continue
        try:
            runs.append(read_run(folder))
        except InvalidFile as error:
            broken.append(error)
    return tuple(sorted(runs, key=lambda run: (run.header.started, run.folder.name), reverse=True)), tuple(broken)


def find_run(home: Home, word: str) -> StoredRun:
    """The run of that name, or the only one whose name begins so, or the "last". Raises UnknownName, UsageError."""
    runs, _ = stored_runs(home)
    if word == LAST and runs:
        return runs[0]
    names = [run.folder.name for run in runs]
    if word in names:
        return runs[names.index(word)]
    starting = [run for run in runs if run.folder.name.startswith(word)]
    if len(starting) > 1:
        raise UsageError(f"{word!r} is the beginning of {', '.join(sorted(r.folder.name for r in starting))}.")
    if not starting:
        raise UnknownName("evaluation", word, nearest(word, names))
    return starting[0]


@dataclass(frozen=True, slots=True)
class Pair:
    """One case, answered in both runs."""

    a: CaseResult
    b: CaseResult


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the cases that both have.

    Args:
        difference: of the mean scores, b - a, with its 95 % interval. p: McNemar's, exact.
        changed: the cases whose score differs, those that b lost first.
        alone: cases that only one of them has.
    """

    a: StoredRun
    b: StoredRun
    scores: tuple[Interval, Interval]
    difference: Interval
    p: float
    pairs: tuple[Pair, ...]
    alone: int

    @property
    def significant(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference.low > 0.0 or self.difference.high < 0.0

    @property
    def changed(self) -> tuple[Pair, ...]:
        """See above."""
        differing = (pair for pair in self.pairs if pair.a.value != pair.b.value)
        return tuple(sorted(differing, key=lambda pair: pair.b.value - pair.a.value))


def compare_runs(a: StoredRun, b: StoredRun) -> Comparison:
    """Pairs the scored cases of two runs by what was asked and accepted. Raises CheckFailed when they share none."""
    of_a, of_b = ({_asked(result): result for result in run.results if result.score is not None} for run in (a, b))
    pairs = tuple(Pair(result, of_b[key]) for key, result in of_a.items() if key in of_b)
    if not pairs:
        raise CheckFailed(f"{a.folder.name} and {b.folder.name} have no case in common, so they cannot be compared.")
    ones, others = [pair.a.value for pair in pairs], [pair.b.value for pair in pairs]
    return Comparison(
        a=a,
        b=b,
        scores=(mean_interval(ones), mean_interval(others)),
        difference=paired_bootstrap(others, ones),
        p=mcnemar(others, ones),
        pairs=pairs,
        alone=len(of_a) + len(of_b) - 2 * len(pairs),
    )


def _asked(result: CaseResult) -> tuple[object, ...]:
    return result.question, result.expected
