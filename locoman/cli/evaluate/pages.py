"""How plans, evaluations and judgements are shown, to a person and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locoman.evaluation.journal import RunHeader, RunSummary, StoredRun
from locoman.evaluation.results import CaseResult
from locoman.evaluation.statistics import Interval
from locoman.workflows.evaluate import Evaluation, Judgement, Outcome
from locoman.workflows.evaluation_plan import EvaluationPlan

_WIDTH = 100
"""Characters of a question or an answer that are shown."""


def plan_document(plan: EvaluationPlan) -> dict[str, Any]:
    """--dry-run --json."""
    runs = [
        {
            "run": run.folder.name,
            "suite": run.header.suite,
            "base": run.header.base,
            "adapter": run.header.adapter or None,
            "cases": run.header.total,
            "known": run.done,
        }
        for run in plan.runs
    ]
    return {"plan": {"runs": runs, "cases": plan.cases}}


def plan_lines(plan: EvaluationPlan) -> Iterator[str]:
    """--dry-run."""
    for run in plan.runs:
        state = "all known" if run.finished else f"{run.done} known" if run.done else "new"
        yield f"{run.header.suite}: {run.header.total} cases, asked of {who(run.header)} ({state})"
    yield f"{plan.cases} cases to ask."


def evaluation_document(done: Evaluation) -> dict[str, Any]:
    """One suite: the run of the adapter (or of whoever was asked), with the base's beside it. More: all of them."""
    runs = [outcome_document(outcome) for outcome in done.outcomes]
    verdicts = [judgement_document(judgement) for judgement in done.judgements]
    if len({outcome.planned.header.suite for outcome in done.outcomes}) > 1:
        return {"runs": runs, "verdicts": verdicts}
    beside = {"base_run": runs[1]} if len(runs) > 1 else {}
    return runs[0] | beside | ({"verdict": verdicts[0]} if verdicts else {})


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """A run."""
    return run_document(outcome.stored.header, outcome.summary) | {"cached": outcome.cached}


def run_document(header: RunHeader, summary: RunSummary) -> dict[str, Any]:
    """A finished run, as other tools may rely on it."""
    return {
        "run": header.run,
        "suite": header.suite,
        "base": header.base,
        "adapter": header.adapter or None,
        "cases": summary.cases,
        "score": summary.score,
        "ci95": list(summary.ci95),
        "metrics": summary.metrics,
        "seconds": summary.seconds,
    }


def judgement_document(judgement: Judgement) -> dict[str, Any]:
    """What the gate says."""
    verdict = judgement.verdict
    return {
        "adapter": judgement.adapter,
        "suite": judgement.suite,
        "passed": verdict.passed,
        "grade": verdict.grade,
        "gain": interval_document(verdict.gain),
        "p": verdict.p,
        "significant": verdict.significant,
        "losses": [{"suite": loss.suite, **interval_document(loss.loss)} for loss in verdict.losses],
        "reasons": list(verdict.reasons),
    }


def interval_document(interval: Interval) -> dict[str, float]:
    """An estimate."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def evaluation_lines(done: Evaluation) -> Iterator[str]:
    """Runs, then judgements."""
    for outcome in done.outcomes:
        yield summary_line(outcome.stored.header, outcome.summary) + ("  (known)" if outcome.cached else "")
    for judgement in done.judgements:
        yield from judgement_lines(judgement)
    yield f"Runs: {', '.join(outcome.stored.folder.name for outcome in done.outcomes)}"


def summary_line(header: RunHeader, summary: RunSummary) -> str:
    """ "arithmetic, asked of arithmetic@1.0.0 on loco-tiny: 92.0 % [87.4, 95.0] of 200 cases in 3.1 s"."""
    low, high = summary.ci95
    share = f"{100 * summary.score:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{header.suite}, asked of {who(header)}: {share} of {summary.cases} cases in {summary.seconds:.1f} s"


def judgement_lines(judgement: Judgement) -> Iterator[str]:
    """The verdict, then every reason against it and every loss that is to be told."""
    verdict = judgement.verdict
    gain = f"{points(verdict.gain.value)} points [{points(verdict.gain.low)}, {points(verdict.gain.high)}]"
    word = "passes" if verdict.passed else "does not pass"
    yield f"{judgement.adapter} {word} its gate: {gain} over the base, p = {verdict.p:.2g} ({verdict.grade})."
    for reason in verdict.reasons:
        yield f"  - {reason}"
    for loss in verdict.losses:
        if loss.reported and not loss.fails:
            yield f"  ! {100 * loss.loss.value:.1f} points worse than the base on {loss.suite}"


def case_lines(result: CaseResult) -> Iterator[str]:
    """A case with what was expected and what came."""
    score = "unscored" if result.score is None else f"{result.score:.2f}"
    yield f"case {result.case + 1}, score {score}" + (f" ({result.note})" if result.note else "")
    yield f"  question  {_short(result.question)}"
    yield f"  expected  {_short(' | '.join(result.expected))}"
    yield f"  answer    {_short(result.answer)}"


def worst(stored: StoredRun, count: int) -> tuple[CaseResult, ...]:
    """The cases with the lowest scores that are not full."""
    wrong = [result for result in stored.results if result.value < 1.0]
    return tuple(sorted(wrong, key=lambda result: (result.value, result.case))[:count])


def who(header: RunHeader) -> str:
    """Whom a run asked."""
    name = header.adapter or "the base"
    return f"{name} on {header.base}" if header.base else name


def points(share: float) -> str:
    """A difference of shares in points."""
    return f"{100 * share:+.1f}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WIDTH else flat[: _WIDTH - 1] + "…"
