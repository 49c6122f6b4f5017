"""`router test`: how good the router of a base is, and whether the base itself helps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from locoman.contracts import Decision, Engine
from locoman.errors import UsageError
from locoman.routing.cascade import Router, demands_of
from locoman.routing.diagram import reliability_svg
from locoman.routing.fit import Fitted
from locoman.routing.measure import reliability
from locoman.routing.models import Encoder
from locoman.routing.scorer import Judgement
from locoman.routing.stages.arbiter import Arbiter, asked, is_close, letters
from locoman.routing.stages.verdict import verdict
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


@dataclass(frozen=True, slots=True)
class Close:
    """A question between whose likeliest owners the router can hardly tell: whose it is, and what the router says."""

    text: str
    own: str | None
    decision: Decision


def examine_arbiter(home: Home, base: InstalledBase, engine: Engine, file: Path | None = None) -> dict[str, Any]:
    """Puts close questions of `file`, else of the router's own examples, to the base, and keeps whether it helps.

    It helps where it is right more often than the router alone by LEAST_GAIN standard errors of the paired difference, on
    at least LEAST_ASKED questions. Raises UsageError, InvalidFile; EngineError where the base cannot be asked at all.
    """
    fitted = fit_lessons(gather(home, answering_packages(home, load_registry(home.registry), base)), remembering(home))
    close = _close_examples(fitted) if file is None else _close_questions(fitted, home_encoder(home), file)
    if len(close) > MOST_ASKED:
        close = [close[i] for i in np.linspace(0, len(close) - 1, MOST_ASKED).round().astype(int).tolist()]
    arbiter = Arbiter(engine, descriptions(home, base))
    if close:
        engine.choose(
            asked(close[0].text, ()), letters(())
        )  # a failure is to be heard of here: a review passes it over
    demands = demands_of(fitted.model)
    before = [one.decision.adapter == one.own for one in close]
    after = [arbiter.review(one.text, one.decision, demands).adapter == one.own for one in close]
    measured = Measured(len(close), sum(before), sum(after), _helps(before, after))
    write_measured(home, base, measured)
    return msgspec.to_builtins(measured)  # type: ignore[no-any-return]


def _close_examples(fitted: Fitted) -> list[Close]:
    """Of the router's own examples, each judged as if it had not been learned from."""
    learned, learnt = fitted.meaning or fitted.lexical, fitted.model.learnt
    if learned is None or learnt is None:
        raise UsageError("No active adapter has example questions; there is nothing to test.")
    owners: list[str | None] = [*learnt.names, None]
    demands, judged, labels = demands_of(fitted.model), learned.judgement, learned.scorer.owners.labels
    found = []
    for i in np.flatnonzero(learned.held).tolist():
        row = Judgement(judged.among[i : i + 1], judged.scope[i : i + 1], judged.somebody[i : i + 1])
        found.append(Close(learnt.texts[i], owners[labels[i]], verdict(row, learnt.names, demands, "test")))
    return [one for one in found if is_close(one.decision)]


def _close_questions(fitted: Fitted, encoder: Encoder | None, file: Path) -> list[Close]:
    """Of a file of questions and whose they are."""
    router = Router.of(fitted.model, encoder)
    found = [Close(line.text, line.owner, router.alone(line.text)) for line in read_labelled(file)]
    return [one for one in found if is_close(one.decision)]


def _helps(before: Sequence[bool], after: Sequence[bool]) -> bool:
    if len(before) < LEAST_ASKED:
        return False
    gains = np.array(after, dtype=float) - np.array(before, dtype=float)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    return bool(gains.mean() > max(LEAST_GAIN * error, 0.0))
