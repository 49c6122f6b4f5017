"""Asks every case of a set and scores the answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from locoman.catalog.manifest import Case
from locoman.contracts import Engine, Message, Progress, Request, Sampling, Scorer
from locoman.evaluation.statistics import wilson
from locoman.names import ModelName

GREEDY = Sampling(temperature=0.0, seed=0)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One question, what was accepted, what was answered, and its score from 0.0 to 1.0."""

    question: str
    expected: tuple[str, ...]
    answer: str
    score: float


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All cases of a set answered by one model."""

    model: ModelName
    results: tuple[CaseResult, ...]
    seconds: float

    @property
    def score(self) -> float:
        """The mean score, a share from 0 to 1."""
        return sum(result.score for result in self.results) / len(self.results)

    @property
    def ci95(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson(sum(result.score for result in self.results), len(self.results))


def run_suite(
    engine: Engine, model: ModelName, cases: Sequence[Case], scorer: Scorer, progress: Progress
) -> SuiteResult:
    """Asks `cases` (at least one) of `model`, greedily, one after the other. Raises EngineError."""
    started = time.perf_counter()
    results = []
    for done, case in enumerate(cases, start=1):
        request = Request((Message("user", case.question),), model, GREEDY)
        answer = "".join(chunk.text for chunk in engine.chat(request))
        results.append(CaseResult(case.question, case.accepted, answer, scorer.score(answer, case.target).value))
        progress(done, len(cases), "cases")
    return SuiteResult(model, tuple(results), time.perf_counter() - started)
