"""How a training looks: its plan, its progress, what came of it; to a person, and under --json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locoman.evaluation.statistics import Interval
from locoman.sizes import megabytes
from locoman.training.checkpoint import Look
from locoman.training.lora import Trained
from locoman.workflows.training.execute import Evaluated
from locoman.workflows.training.plan import TrainPlan


def plan_lines(plan: TrainPlan) -> Iterator[str]:
    """The plan as a person reads it."""
    recipe = plan.recipe
    yield f"Adapter   {plan.package.manifest.ref} for {plan.base.name}, from {plan.package.folder}"
    yield f"Examples  {len(plan.examples):,} to learn, {len(plan.suite.cases):,} to be evaluated with"
    held = f", {recipe.validation:.0%} of the examples held back" if recipe.validation else ""
    yield f"Recipe    rank {recipe.rank}, {recipe.epochs} epochs of batches of {recipe.batch_size}, seed {recipe.seed}{held}"
    hub = plan.checkpoint.hub
    if hub is not None:
        yield f"Base      {hub.repository} at {hub.commit[:12]} on the hub, at most {megabytes(hub.bytes)} to download"
    else:
        yield f"Base      {plan.checkpoint.folder}"
    yield f"Package   {plan.out}"
    if plan.resumed:
        yield f"Goes on   from step {plan.resumed:,} of a training that was interrupted"


def describe_plan(plan: TrainPlan) -> dict[str, Any]:
    """The plan as --json prints it."""
    return {
        "adapter": str(plan.package.manifest.ref),
        "base": plan.base.name,
        "package": str(plan.out),
        "examples": len(plan.examples),
        "cases": len(plan.suite.cases),
        "download_bytes": plan.checkpoint.download_bytes,
        "resumed_at": plan.resumed,
        "trained": False,
    }


def look_line(look: Look) -> str:
    """One look at the loss."""
    learnt = f"{look.training_loss:.4f}" if look.training_loss is not None else "-"
    held = f", on what is held back {look.validation_loss:.4f}" if look.validation_loss is not None else ""
    return f"Step {look.step:>6,}  loss {learnt}{held}"


def describe(plan: TrainPlan, trained: Trained, evaluated: Evaluated | None) -> dict[str, Any]:
    """What came of it as --json prints it."""
    return describe_plan(plan) | {
        "trained": True,
        "steps": trained.steps,
        "best_step": trained.best_step,
        "early": trained.early,
        "left_out": trained.left_out,
        "parameters": trained.parameters,
        "loss": trained.loss,
        "seconds": round(trained.seconds, 1),
        "looks": [
            {"step": look.step, "training_loss": look.training_loss, "validation_loss": look.validation_loss}
            for look in trained.looks
        ],
        "evaluation": _evaluation(evaluated) if evaluated is not None else None,
    }


def lines(plan: TrainPlan, trained: Trained, evaluated: Evaluated | None) -> Iterator[str]:
    """What came of it as a person reads it."""
    steps = f"{trained.steps:,} steps, loss {trained.loss:.4f}, {trained.seconds:.0f} s"
    best = f"; ended early, the weights of step {trained.best_step:,} were kept" if trained.early else ""
    yield f"Trained   {plan.package.manifest.ref} for {plan.base.name}: {steps}{best}"
    if trained.left_out:
        yield f"Left out  {trained.left_out:,} examples with more than {plan.recipe.max_length:,} tokens"
    yield f"Package   {plan.out}"
    if evaluated is not None:
        judged = evaluated.verdict
        yield f"Score     {_percent(judged.adapter)} of {len(plan.suite.cases):,} cases; the base alone {_percent(judged.base)}"
        word = "passes its gate" if judged.passed else "misses its gate"
        yield f"Verdict   {word}: {_points(judged.gain)} over the base, p = {judged.p:.2g}, {judged.grade}"
    yield f"Next: locoman adapter add {plan.out}, or locoman adapter pack {plan.out}"


def short(evaluated: Evaluated) -> str:
    """Why the gate is missed."""
    reasons = "; ".join(evaluated.verdict.reasons)
    return f"{reasons[:1].upper()}{reasons[1:]}."


def _evaluation(evaluated: Evaluated) -> dict[str, Any]:
    judged = evaluated.verdict
    return {
        "cases": len(evaluated.adapter.results),
        "score": judged.adapter.value,
        "ci95": [judged.adapter.low, judged.adapter.high],
        "base_score": judged.base.value,
        "base_ci95": [judged.base.low, judged.base.high],
        "gain": judged.gain.value,
        "gain_ci95": [judged.gain.low, judged.gain.high],
        "p": judged.p,
        "grade": judged.grade,
        "passed": judged.passed,
        "reasons": list(judged.reasons),
        "seconds": round(evaluated.adapter.seconds + evaluated.base.seconds, 1),
    }


def _percent(interval: Interval) -> str:
    return f"{interval.value:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def _points(interval: Interval) -> str:
    return f"{100 * interval.value:+.1f} points [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"
