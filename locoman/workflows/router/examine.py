"""`router test`: how good the router of a base is, and whether the base itself helps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from locoman.catalog.manifest import AdapterPackage
from locoman.contracts import Engine
from locoman.errors import MissingPrerequisite, UnknownName, UsageError
from locoman.names import nearest
from locoman.routing.cascade import Router, demands_of
from locoman.routing.diagram import reliability_svg
from locoman.routing.fit import Fitted
from locoman.routing.measure import reliability
from locoman.routing.models import Encoder
from locoman.routing.stages.arbiter import Arbiter, asked, is_close, letters
from locoman.store.atomic import write_atomic
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, load_registry
from locoman.workflows.collection import answering_packages
from locoman.workflows.router.arbitration import Measured, descriptions, write_measured
from locoman.workflows.router.fitting import fit_lessons, remembering
from locoman.workflows.router.installed_encoder import Say, home_encoder, nobody_hears
from locoman.workflows.router.labelled import Labelled, read_labelled
from locoman.workflows.router.lessons import gather
from locoman.workflows.router.ready import open_router
from locoman.workflows.router.trial import Settled, Trial, left_out, timed, try_examples, try_router

MOST_ASKED = 60  # close questions that are put to the base
LEAST_ASKED = 20  # fewer say nothing
LEAST_GAIN = 2.0  # standard errors of the paired difference


def examine(home: Home, base: InstalledBase, file: Path | None, say: Say = nobody_hears) -> Trial:
    """The router in force on the questions of `file`, else one fitted anew on its own examples.

    Raises InvalidFile, UnknownName (an owner that is no active adapter), MissingPrerequisite.
    """
    packages = answering_packages(home, load_registry(home.registry), base)
    if file is not None:
        return try_router(open_router(home, base, say), _known(read_labelled(file), packages))
    fitted = fit_lessons(gather(home, packages), remembering(home, say=say))
    learnt = fitted.model.learnt
    trial = try_examples(fitted)
    if learnt is None or trial is None:
        sentence = "No active adapter has example questions; there is nothing to test."
        raise MissingPrerequisite(sentence, "locoman adapter add NAME")
    return timed(trial, learnt, home_encoder(home), [text for text in learnt.texts if text])


def _known(lines: Sequence[Labelled], packages: Sequence[AdapterPackage]) -> Sequence[Labelled]:
    """`lines`. Raises UnknownName for one of an adapter that is not among `packages`."""
    names = {package.manifest.name for package in packages}
    for line in lines:
        if line.owner is not None and line.owner not in names:
            raise UnknownName("active adapter", line.owner, nearest(line.owner, names))
    return lines


def diagram_place(path: Path) -> Path:
    """`path`, where a diagram can go. Raises UsageError: no folder is made for it."""
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}.", "the same command, with a folder that is there")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; the diagram needs a name in it.", f"--svg {path / 'router.svg'}")
    return path


def write_diagram(trial: Trial, path: Path) -> None:
    """The reliability diagram of somebody's questions. Raises StoreError."""
    somebody = trial.judged.labels >= 0
    right = (trial.judged.guesses == trial.judged.labels)[somebody]
    bins = reliability(trial.judged.confidence[somebody], right, bins=10)
    write_atomic(path, reliability_svg(bins, f"Router: {int(somebody.sum())} questions").encode())


def examine_arbiter(home: Home, base: InstalledBase, engine: Engine, file: Path | None = None) -> dict[str, Any]:
    """Puts close questions of `file`, else of the router's own examples, to the base, and keeps whether it helps.

    It helps where it is right more often than the router alone by LEAST_GAIN standard errors of the paired difference, on
    at least LEAST_ASKED questions. Raises UsageError, InvalidFile; EngineError where the base cannot be asked at all.
    """
    fitted = fit_lessons(gather(home, answering_packages(home, load_registry(home.registry), base)), remembering(home))
    settled = left_out(fitted) if file is None else _close_questions(fitted, home_encoder(home), file)
    close = [one for one in settled if is_close(one.decision)]
    if len(close) > MOST_ASKED:
        close = [close[i] for i in np.linspace(0, len(close) - 1, MOST_ASKED).round().astype(int).tolist()]
    arbiter = Arbiter(engine, descriptions(home, base))
    if not close:  # nothing was measured, so what was before holds
        return msgspec.to_builtins(Measured(0, 0, 0, False))  # type: ignore[no-any-return]
    engine.choose(asked(close[0].text, ()), letters(()))  # a failure is to be heard of here: a review passes it over
    demands = demands_of(fitted.model)
    before = [one.decision.adapter == one.own for one in close]
    after = [arbiter.review(one.text, one.decision, demands).adapter == one.own for one in close]
    measured = Measured(len(close), sum(before), sum(after), _helps(before, after))
    write_measured(home, base, measured)
    return msgspec.to_builtins(measured)  # type: ignore[no-any-return]


def _close_questions(fitted: Fitted, encoder: Encoder | None, file: Path) -> Iterator[Settled]:
    """Those of a file, and whose they are."""
    router = Router.of(fitted.model, encoder)
    return (Settled(line.text, line.owner, router.alone(line.text)) for line in read_labelled(file))


def _helps(before: Sequence[bool], after: Sequence[bool]) -> bool:
    if len(before) < LEAST_ASKED:
        return False
    gains = np.array(after, dtype=float) - np.array(before, dtype=float)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    return bool(gains.mean() > max(LEAST_GAIN * error, 0.0))
