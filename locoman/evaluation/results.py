"""What came of a suite: one value per case, and all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from locoman.evaluation.statistics import mean_interval
from locoman.names import ModelName


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case, asked and scored.

    Args:
        case: its place in the suite, from 0.
        expected: what was accepted.
        score: from 0.0 to 1.0; None where the scorer failed, and the answer is still to be scored.
        metrics: further figures of the same answer. note: why the score is what it is, "" where it is plain.
        adapter: who answered (None = the plain base); with "auto", whom the router chose.
        finish: "stop" or "length"; "" where no text was generated, or the case does not fit the context.
        samples: all answers, where the case was asked several times; `answer` is the first of them.
        ttft_ms, total_ms: milliseconds to the first token and in all, queueing not counted where the engine tells.
    """

    case: int
    question: str
    expected: tuple[str, ...]
    answer: str
    score: float | None
    metrics: tuple[tuple[str, float], ...] = ()
    note: str = ""
    adapter: str | None = None
    finish: str = ""
    samples: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    ttft_ms: float = 0.0
    total_ms: float = 0.0
    tokens_per_second: float = 0.0

    @property
    def value(self) -> float:
        """The score; 0.0 where there is none."""
        return self.score or 0.0


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All cases of a suite (at least one) answered by one model, in the suite's order; `seconds` of wall time."""

    model: ModelName
    results: tuple[CaseResult, ...]
    seconds: float

    @property
    def scores(self) -> tuple[float, ...]:
        """One per case."""
        return tuple(result.value for result in self.results)

    @property
    def score(self) -> float:
        """The mean score, a share from 0 to 1."""
        return sum(self.scores) / len(self.results)

    @property
    def ci95(self) -> tuple[float, float]:
        """Its 95 % interval: Wilson's where every score is 0 or 1, else by bootstrap."""
        interval = mean_interval(self.scores)
        return interval.low, interval.high

    @property
    def metrics(self) -> dict[str, float]:
        """Means over the cases: those of the scorer under its own names, then tokens and speed."""
        named: dict[str, list[float]] = {}
        for result in self.results:
            for name, value in result.metrics:
                named.setdefault(name, []).append(value)
        means = {name: _mean(values) for name, values in named.items()}
        timed = [result for result in self.results if result.total_ms > 0]
        spoken = [r.tokens_per_second for r in timed if r.tokens_per_second > 0]
        return means | {
            "prompt_tokens": _mean([r.prompt_tokens for r in self.results]),
            "completion_tokens": _mean([r.completion_tokens for r in self.results]),
            "cached_tokens": _mean([r.cached_tokens for r in self.results]),
            "ttft_ms": _mean([r.ttft_ms for r in timed]),
            "total_ms": _mean([r.total_ms for r in timed]),
            "tokens_per_second": _mean(spoken),
            "cut_off": float(sum(result.finish == "length" for result in self.results)),
        }


def in_order(results: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """As the suite has them."""
    return tuple(sorted(results, key=lambda result: result.case))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
