"""Measures a router: on its own examples left out in turn, on questions it never saw, or as a benchmark of the method.

Two things are told apart: where questions go, which the whole router decides (feedback, keywords, demands, scripts); and how
good the stage is that compares them with examples, of which the figures are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from locoman.contracts import Decision
from locoman.errors import UsageError
from locoman.routing.calibration import Labels
from locoman.routing.cascade import Router, demands_of
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import Fitted, fit_and_judge
from locoman.routing.learner import Learned
from locoman.routing.measure import Judged, Quality, quality
from locoman.routing.models import Encoder, Learnt
from locoman.routing.scorer import Judgement
from locoman.routing.stages.encoder import NAME as ENCODER
from locoman.routing.stages.encoder import EncoderStage
from locoman.routing.stages.keywords import KeywordStage
from locoman.routing.stages.lexical import NAME as LEXICAL
from locoman.routing.stages.lexical import LexicalStage, trusted
from locoman.routing.stages.verdict import Demands, verdict
from locoman.routing.text import is_foreign, normalise
from locoman.workflows.router.labelled import Labelled
from locoman.workflows.router.vectors import Remembering

TIMED = 300  # decisions whose time is taken


Confusion: TypeAlias = dict[tuple[str | None, str | None], int]


@dataclass(frozen=True, slots=True)
class Settled:
    """A question, whose it is, and what the router says."""

    text: str
    own: str | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Trial:
    """What a measurement found. `confusion` counts (whose it is, who got it), None = nobody, the base; `quality` and `judged`
    are of the questions that `stage` reads, by itself; milliseconds of single decisions, encoder and all."""

    quality: Quality
    judged: Judged
    stage: str
    confusion: Confusion
    questions: int
    fit_seconds: float = 0.0
    encode_seconds: float = 0.0
    decide_ms_p50: float = 0.0
    decide_ms_p95: float = 0.0


def try_examples(fitted: Fitted) -> Trial | None:
    """On the examples that the router was fitted to, each judged as if it had not been seen. None where there are none."""
    learnt, learned = fitted.model.learnt, fitted.meaning or fitted.lexical
    if learnt is None or learned is None:
        return None
    labels = learned.scorer.owners.labels
    own = np.where(labels < len(learnt.names), labels, -1)[learned.held]
    judged = _judged(own, [_row(learned, i) for i in np.flatnonzero(learned.held).tolist()])
    confusion = Counter((one.own, one.decision.adapter) for one in left_out(fitted))
    stage = LEXICAL if fitted.meaning is None else ENCODER
    return Trial(quality(judged), judged, stage, dict(confusion), len(own))


def left_out(fitted: Fitted) -> Iterator[Settled]:
    """The examples that can be left out, each decided as the router would that does not know it, nor what the user said of
    it."""
    learnt, lexical = fitted.model.learnt, fitted.lexical
    if learnt is None or lexical is None:
        return
    owners: list[str | None] = [*learnt.names, None]
    labels, demands = lexical.scorer.owners.labels, demands_of(fitted.model)
    keywords = [stage for stage in Router.of(fitted.model).stages if isinstance(stage, KeywordStage)]
    for i in np.flatnonzero(lexical.held).tolist():
        text = learnt.texts[i]
        meant = (decision for stage in keywords if (decision := stage.decide(text, ())) is not None)
        learned = lexical if fitted.meaning is None or is_foreign(text) else fitted.meaning
        row = trusted(_row(learned, i), text)
        yield Settled(text, owners[labels[i]], next(meant, None) or verdict(row, learnt.names, demands, "test"))


def try_router(router: Router, questions: Sequence[Labelled]) -> Trial:
    """On questions that were never learned from, each decided by the whole `router`."""
    stage = next((stage for stage in router.stages if isinstance(stage, EncoderStage | LexicalStage)), None)
    names = () if stage is None else stage.learnt.names
    confusion: Counter[tuple[str | None, str | None]] = Counter()
    taken, labels, judgements = [], [], []
    for question in questions:
        decision = router.decide(question.text)
        taken.append(decision.route_ms)
        confusion[question.owner, decision.adapter] += 1
        if stage is not None and stage.reads(question.text):
            judgements.append(stage.judge(question.text))
            labels.append(_label(names, question.owner))
    judged = _judged(np.array(labels, dtype=np.int64), judgements)
    half, most = np.quantile(taken, (0.5, 0.95)).tolist()
    return Trial(
        quality(judged), judged, _name(stage), dict(confusion), len(questions), decide_ms_p50=half, decide_ms_p95=most
    )


def _label(names: Sequence[str], owner: str | None) -> int:
    """The class of `owner`; for an adapter without examples, which no class is, the one after the last."""
    return -1 if owner is None else names.index(owner) if owner in names else len(names)


def try_questions(learnt: Learnt, encoder: Encoder | None, questions: Sequence[Labelled]) -> Trial:
    """On questions that were never learned from, by the stage alone. Raises UsageError for an owner it does not know."""
    names = list(learnt.names)
    unknown = sorted({question.owner for question in questions if question.owner is not None} - set(names))
    if unknown:
        sentence = f"No question to learn from is {unknown[0]!r}'s; they are of {', '.join(names)}."
        raise UsageError(sentence, "questions of the same domains in both files")
    labels = np.array([_label(names, question.owner) for question in questions], dtype=np.int64)
    texts = [question.text for question in questions]
    half, most = _times(learnt, encoder, texts)
    stage = _stage(learnt, None if encoder is None else Remembering(encoder, None))
    if isinstance(stage, EncoderStage):
        stage.prepare(texts)
    judged = _judged(labels, [stage.judge(text) for text in texts])
    owners: list[str | None] = [*names, None]  # -1: the last, nobody
    pairs = zip(labels.tolist(), np.where(judged.kept, judged.guesses, -1).tolist(), strict=True)
    confusion = Counter((owners[label], owners[guess]) for label, guess in pairs)
    return Trial(
        quality(judged), judged, _name(stage), dict(confusion), len(questions), decide_ms_p50=half, decide_ms_p95=most
    )


def bench(
    train: Sequence[Labelled], test: Sequence[Labelled], encoder: Encoder | None, k: int | None, seed: int
) -> Trial:
    """Fits to `k` questions of each domain in `train` (all where None), drawn with `seed`, and to the everyday list; judges
    `test`. Lines of nobody in `train` are left aside, so that nothing is learned of what out of scope looks like there.
    """
    domains = sorted({line.owner for line in train if line.owner is not None})
    if not domains:
        raise UsageError(
            "No line of the training file has a domain.", 'lines {"text": ..., "domain": ...} in the training file'
        )
    random = np.random.default_rng(seed)
    adapters = []
    for domain in domains:
        texts = [line.text for line in train if line.owner == domain]
        if k is not None and len(texts) > k:
            texts = [texts[i] for i in random.choice(len(texts), k, replace=False)]
        adapters.append(AdapterExamples(domain, mine=tuple(texts)))
    remembering = None if encoder is None else Remembering(encoder, None)
    begun = time.perf_counter()
    if remembering is not None:
        remembering.encode(
            [normalise(text) for text in (*everyday_questions(), *(t for a in adapters for t in a.mine))]
        )
    encoded = time.perf_counter()
    fitted = fit_and_judge(adapters, everyday_questions(), encoder=remembering)
    fit_seconds = time.perf_counter() - encoded
    assert fitted.model.learnt is not None
    trial = try_questions(fitted.model.learnt, encoder, test)
    return replace(trial, fit_seconds=fit_seconds, encode_seconds=encoded - begun)


def _stage(learnt: Learnt, encoder: Encoder | None) -> EncoderStage | LexicalStage:
    if learnt.meaning is not None and encoder is not None:
        return EncoderStage(learnt, learnt.meaning, encoder, Demands({}))
    return LexicalStage(learnt, Demands({}))


def _times(learnt: Learnt, encoder: Encoder | None, texts: Sequence[str]) -> tuple[float, float]:
    """Median and 95th percentile of the milliseconds of single decisions, spread over all texts."""
    stage = _stage(learnt, encoder)
    taken = []
    for text in texts[:: max(1, len(texts) // TIMED)]:
        begun = time.perf_counter()
        stage.decide(text, ())
        taken.append((time.perf_counter() - begun) * 1000)
    return float(np.median(taken)), float(np.quantile(taken, 0.95))


def timed(trial: Trial, learnt: Learnt, encoder: Encoder | None, texts: Sequence[str]) -> Trial:
    """`trial` with what single decisions about these texts take."""
    half, most = _times(learnt, encoder, texts)
    return replace(trial, decide_ms_p50=half, decide_ms_p95=most)


def _name(stage: EncoderStage | LexicalStage | None) -> str:
    return ENCODER if isinstance(stage, EncoderStage) else LEXICAL


def _row(learned: Learned, place: int) -> Judgement:
    """Of one example."""
    judgement, row = learned.judgement, slice(place, place + 1)
    return Judgement(judgement.among[row], judgement.scope[row], judgement.somebody[row])


def _judged(labels: Labels, judgements: Sequence[Judgement]) -> Judged:
    """Of questions with these owners, one judgement for each."""
    if not judgements:
        return Judged(labels, labels, np.empty(0), np.empty(0), np.empty(0, dtype=bool))
    among = np.concatenate([judgement.among for judgement in judgements])
    scope = np.concatenate([judgement.scope for judgement in judgements])
    kept = np.concatenate([judgement.somebody for judgement in judgements]) >= 0.5
    return Judged(labels, among.argmax(axis=1), among.max(axis=1), scope, kept)
