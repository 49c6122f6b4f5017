"""Evaluations of bases, made up: for tests of what is told of them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from locoman.catalog.candidates import Figure
from locoman.evaluation.selection.check import Check
from locoman.evaluation.selection.evidence import (
    BaseEvaluation,
    CandidateEvaluation,
    Conversation,
    LossPoint,
    Machine,
    OllamaTrial,
    Practical,
    Repeat,
    Spread,
    Step,
    Suites,
    SuiteScore,
    Trainability,
)
from locoman.evaluation.selection.lengths import lengths
from locoman.evaluation.selection.ranking import rank
from locoman.evaluation.statistics import wilson

LAPTOP = Machine("A processor", 4, 8_000_000_000, "Linux 6 x86_64")


def suite(scores: Sequence[float], name: str = "sums") -> SuiteScore:
    """A suite with these scores."""
    low, high = wilson(sum(scores), len(scores))
    return SuiteScore(name, "d" * 64, sum(scores) / len(scores), (low, high), tuple(scores), 1.0)


def candidate(
    name: str,
    bare: Sequence[float] | None = None,
    trained: Sequence[float] | None = None,
    speed: float | None = None,
    failed: bool = False,
    rank_elsewhere: float | None = None,
) -> CandidateEvaluation:
    """One with as much evidence as is given."""
    figures = (Figure("fine-tuned rank", rank_elsewhere, "a study", "2025", "rank"),) if rank_elsewhere else ()
    return CandidateEvaluation(
        name=name, title=name.title(), licence="Apache-2.0", parameters=1e9, quantization="Q4_K_M", bytes=10**9,
        fingerprint="", checks=(Check("size", "failed" if failed else "passed", "because"),), dimensions=(),
        steps=(Step("filter", "done"),), figures=figures,
        suites=Suites((suite(bare),), (), (lengths("sums", (10, 20)),), 20, 1024) if bare else None,
        training=training(trained) if trained else None,
        practical=practical(speed) if speed is not None else None,
    )  # fmt: skip


def training(after: Sequence[float]) -> Trainability:
    """A training that ended with these scores."""
    points = (LossPoint(0, 2.0), LossPoint(10, 0.5), LossPoint(20, 0.4))
    before = suite([0.0] * len(after))
    return Trainability("sums", 20, 1000, points[1:], points, 10, before, suite(after), 500_000, 12.0)


def practical(speed: float) -> Practical:
    """A test in which answers came at this speed."""
    talk = Conversation(4, (100, 100, 110, 110), 5.0, 0, (1.0,) * 4)
    return Practical(
        "xllamacpp", 10.0, Spread(5.0, 9.0, 12), Spread(speed, speed, 12), talk, OllamaTrial(None), Repeat(3, 6)
    )


def evaluation(
    *candidates: CandidateEvaluation, machine: Machine = LAPTOP, made: str = "2026-11-21T10:00:00Z"
) -> BaseEvaluation:
    """All of them on one machine."""
    return BaseEvaluation(1, "run", made, "0.1.0", machine, {"limit": 0}, tuple(candidates), rank(candidates))


def other_machine(cpu: str) -> Machine:
    """Another laptop."""
    return structs.replace(LAPTOP, cpu=cpu)
