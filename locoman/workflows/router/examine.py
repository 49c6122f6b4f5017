"""`router test`: how good the router of a base is, and whether the base itself helps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from locoman.contracts import Candidate, Decision, Engine
from locoman.errors import UsageError
from locoman.routing.diagram import reliability_svg
from locoman.routing.measure import reliability
from locoman.routing.stages.arbiter import MARGIN, Arbiter
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, load_registry
from locoman.workflows.collection import answering_packages
from locoman.workflows.router.arbitration import Measured, descriptions, write_measured
from locoman.workflows.router.fitting import fit_lessons, remembering
from locoman.workflows.router.lessons import gather
from locoman.workflows.router.trial import Trial, read_labelled, timed, try_examples, try_questions
from locoman.workflows.router.vectors import home_encoder

MOST_ASKED = 60  # close questions that are put to the base
LEAST_ASKED = 20  # fewer say nothing
LEAST_GAIN = 2.0  # standard errors of the paired difference


def examine(home: Home, base: InstalledBase, file: Path | None) -> Trial:
    """On the questions of `file`, else on the router's own examples. Raises InvalidFile, UsageError."""
    fitted = fit_lessons(gather(home, answering_packages(home, load_registry(home.registry), base)), remembering(home))
    learnt = fitted.model.learnt
    trial = try_examples(fitted)
    if learnt is None or trial is None:
        raise UsageError("No active adapter has example questions; there is nothing to test.")
    if file is not None:
        return try_questions(learnt, home_encoder(home), read_labelled(file))
    return timed(trial, learnt, home_encoder(home), [text for text in learnt.texts if text])


def write_diagram(trial: Trial, path: Path) -> None:
    """The reliability diagram of somebody's questions. Raises StoreError."""
    somebody = trial.judged.labels >= 0
    right = (trial.judged.guesses == trial.judged.labels)[somebody]
    bins = reliability(trial.judged.confidence[somebody], right, bins=10)
    write_atomic(path, reliability_svg(bins, f"Router: {int(somebody.sum())} questions").encode())


def examine_arbiter(home: Home, base: InstalledBase, engine: Engine) -> dict[str, Any]:
    """Puts close questions among the examples to the base, and keeps whether it helps. Raises UsageError, EngineError.

    It helps where it is right more often than the router alone by LEAST_GAIN standard errors of the paired difference.
    """
    fitted = fit_lessons(gather(home, answering_packages(home, load_registry(home.registry), base)), remembering(home))
    learned, learnt = fitted.meaning or fitted.lexical, fitted.model.learnt
    if learned is None or learnt is None:
        raise UsageError("No active adapter has example questions; there is nothing to test.")
    shares = learned.judgement.shares
    ranked = np.sort(shares, axis=1)
    close = np.flatnonzero(learned.held & (ranked[:, -1] - ranked[:, -2] < MARGIN)).tolist()[:MOST_ASKED]
    names: list[str | None] = [*learnt.names, None]
    labels = learned.scorer.owners.labels
    arbiter = Arbiter(engine, descriptions(home, base))
    before, after = [], []
    for place in close:
        candidates = tuple(Candidate(name, share) for name, share in zip(names, shares[place].tolist(), strict=True))
        best = max(candidates, key=lambda candidate: candidate.probability)
        decision = Decision(best.adapter, best.probability, "test", candidates)
        own = names[labels[place]]
        before.append(best.adapter == own)
        after.append(arbiter.review(learnt.texts[place], decision).adapter == own)
    gains = np.array(after, dtype=float) - np.array(before, dtype=float)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
    helps = len(close) >= LEAST_ASKED and gains.mean() > max(LEAST_GAIN * error, 0.0)
    measured = Measured(len(close), sum(before), sum(after), bool(helps))
    write_measured(home, base, measured)
    return msgspec.to_builtins(measured)  # type: ignore[no-any-return]
