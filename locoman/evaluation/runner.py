"""Asks every case of a suite and scores the answers, several at a time, without ever asking a finished case again."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from locoman.catalog.manifest import EvaluationCase
from locoman.contracts import Engine, Scorer
from locoman.errors import LocomanError
from locoman.evaluation.asking import Asker
from locoman.evaluation.results import CaseResult, SuiteResult, in_order
from locoman.evaluation.suite import Suite
from locoman.names import ModelName
from locoman.progress import Progress, no_progress

DEFAULT_PARALLEL = 4


class Record(Protocol):
    """Keeps results as they come, so that a killed run goes on where it stopped; see `journal`."""

    @property
    def done(self) -> Mapping[int, CaseResult]:
        """What is known already, by the case's place; one without a score was answered and is still to be scored."""
        ...

    @property
    def seconds(self) -> float:
        """Wall time that the results known already took."""
        ...

    def add(self, result: CaseResult, seconds: float) -> None:
        """Keeps a result; `seconds` is the run's wall time up to it. Raises StoreError."""
        ...


def run_suite(
    engine: Engine,
    model: ModelName,
    suite: Suite,
    scorer: Scorer,
    *,
    journal: Record | None = None,
    parallel: int = DEFAULT_PARALLEL,
    serial: bool = False,
    progress: Progress = no_progress,
) -> SuiteResult:
    """Asks the cases of `suite` of `model`, greedily and with a seed.

    Args:
        parallel: cases asked at a time; no more than the engine has slots, where it tells how many it has.
        serial: one at a time, each alone in the engine and evaluated from its beginning: the same answers bit for bit.

    Raises EngineError, UnknownName, ScorerFailed, StoreError, and MissingPrerequisite for a suite by log-likelihood on an
    engine that tells none. Whatever was finished before is in the journal by then.
    """
    started = time.perf_counter()
    asker = Asker(engine, model, suite, scorer, serial)
    known = dict(journal.done) if journal is not None else {}
    before = journal.seconds if journal is not None else 0.0
    results = {number: result for number, result in known.items() if result.score is not None}
    todo = [number for number in range(len(suite.cases)) if number not in results]
    total = len(suite.cases)
    progress(total - len(todo), total, "cases")
    for result in _answered(asker, suite.cases, todo, known, 1 if serial else max(1, parallel)):
        seconds = before + time.perf_counter() - started
        if journal is not None:
            journal.add(result, seconds)
        if result.score is None:
            continue  # what went wrong is raised once everything under way is kept
        results[result.case] = result
        progress(len(results), total, "cases")
    return SuiteResult(model, in_order(results.values()), before + time.perf_counter() - started)


def _answered(
    asker: Asker, cases: Sequence[EvaluationCase], todo: Sequence[int], known: Mapping[int, CaseResult], parallel: int
) -> Iterator[CaseResult]:
    """Results as they are there. When one fails, those under way are still given, then its error is raised."""
    if not todo:
        return
    workers = min(parallel, len(todo), (asker.slots() if parallel > 1 else 0) or parallel)
    yield from _Crew(lambda number: asker.result(number, cases[number], known.get(number)), todo, workers)


Outcome = tuple[CaseResult | None, LocomanError | None]
"""A result (without a score where the scorer failed) and what went wrong, if anything did."""


class _Crew:
    """Threads that take the next number each; iterating gives what they made, in the order in which it is done."""

    def __init__(self, make: Callable[[int], Outcome], numbers: Sequence[int], workers: int) -> None:
        self._make = make
        self._left = iter(numbers)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._done: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]

    def __iter__(self) -> Iterator[CaseResult]:
        failed: list[Outcome] = []
        for thread in self._threads:
            thread.start()
        try:
            running = len(self._threads)
            while running:
                outcome = self._done.get()
                if outcome is None:
                    running -= 1
                elif isinstance(outcome, BaseException):
                    raise outcome
                elif outcome[1] is not None:
                    failed.append(outcome)
                elif outcome[0] is not None:
                    yield outcome[0]
        finally:
            self._stopped.set()
        yield from (result for result, _ in failed if result is not None)
        if failed and failed[0][1] is not None:
            raise failed[0][1]

    def _work(self) -> None:
        """A defect in our own code ends the run as itself, not as a thread that is silent."""
        try:
            while (number := self._next()) is not None:
                outcome = self._make(number)
                if outcome[1] is not None:
                    self._stopped.set()
                self._done.put(outcome)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever iterates
            self._done.put(error)
        finally:
            self._done.put(None)

    def _next(self) -> int | None:
        with self._lock:
            return None if self._stopped.is_set() else next(self._left, None)
