"""Gathers what a report of evaluations shows: runs, and what the router of their base does."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.errors import UsageError
from locoman.evaluation.journal import StoredRun
from locoman.evaluation.report import Confusion, evaluation_report
from locoman.reporting.report import Report
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.evaluation_runs import find_run, stored_runs
from locoman.workflows.router.examine import examine


def build_report(home: Home, words: Sequence[str]) -> Report:
    """Of the runs that are named, else of the newest of each suite and of whom it was asked.

    Raises UnknownName, UsageError (nothing was evaluated yet), InvalidFile, StoreError.
    """
    runs = tuple(find_run(home, word) for word in words) or _newest(home)
    runs = tuple(run for run in runs if run.results)
    if not runs:
        raise UsageError("Nothing was evaluated yet, so there is nothing to report: locoman eval run all.")
    return evaluation_report(runs, _confusion(home, runs))


def _newest(home: Home) -> tuple[StoredRun, ...]:
    found: dict[tuple[str, str, str], StoredRun] = {}
    for run in stored_runs(home)[0]:
        found.setdefault((run.header.suite, run.header.base, run.header.adapter.partition("@")[0]), run)
    return tuple(found[key] for key in sorted(found))


def _confusion(home: Home, runs: Sequence[StoredRun]) -> Confusion | None:
    """None where the base is not installed any more, or nothing is routed on it."""
    base = load_registry(home.registry).find_base(runs[0].header.base)
    if base is None:
        return None
    try:
        return examine(home, base, None).confusion
    except UsageError:
        return None
