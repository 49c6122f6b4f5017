"""Measures a router: on its own examples left out in turn, on a file of questions, or as a benchmark of the method."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from locoman.documents import read_jsonl
from locoman.errors import InvalidFile, UsageError
from locoman.routing.calibration import Labels
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import Fitted, fit_and_judge
from locoman.routing.learner import Learned
from locoman.routing.measure import Judged, Quality, quality
from locoman.routing.models import Encoder, Learnt
from locoman.routing.scorer import Judgement
from locoman.routing.stages.encoder import EncoderStage
from locoman.routing.stages.lexical import LexicalStage
from locoman.routing.stages.verdict import Demands
from locoman.routing.text import normalise
from locoman.workflows.router.vectors import Remembering

TIMED = 300  # decisions whose time is taken


class Labelled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question and whose it is: `domain` (or `adapter`, the same), null for nobody's. `intent` is not read."""

    text: str
    domain: str | None = None
    adapter: str | None = None
    intent: str | None = None

    @property
    def owner(self) -> str | None:
        """Whose it is."""
        return self.adapter if self.adapter is not None else self.domain


@dataclass(frozen=True, slots=True)
class Trial:
    """What a measurement found. `confusion` counts (whose it is, who got it), None = nobody, the base; milliseconds of
    single decisions, encoder and all."""

    quality: Quality
    judged: Judged
    confusion: dict[tuple[str | None, str | None], int]
    questions: int
    fit_seconds: float = 0.0
    encode_seconds: float = 0.0
    decide_ms_p50: float = 0.0
    decide_ms_p95: float = 0.0


def read_labelled(path: Path) -> tuple[Labelled, ...]:
    """The lines of a JSON-lines file. Raises InvalidFile."""
    lines = tuple(read_jsonl(path, Labelled))
    if not lines:
        raise InvalidFile(path, "there is no line in it")
    return lines


def try_examples(fitted: Fitted) -> Trial | None:
    """On the examples that the router was fitted to, each judged as if it had not been seen. None where there are none."""
    learnt, learned = fitted.model.learnt, fitted.meaning or fitted.lexical
    if learnt is None or learned is None:
        return None
    labels = learned.scorer.owners.labels
    own = np.where(labels < len(learnt.names), labels, -1)[learned.held]
    return _trial(learnt, own, _held(learned))


def try_questions(learnt: Learnt, encoder: Encoder | None, questions: Sequence[Labelled]) -> Trial:
    """On questions that were never learned from. Raises UsageError for an owner that the router does not know."""
    names = list(learnt.names)
    unknown = sorted({question.owner for question in questions if question.owner is not None} - set(names))
    if unknown:
        raise UsageError(f"The router knows no {unknown[0]!r}; it knows {', '.join(names)}.")
    labels = np.array([-1 if q.owner is None else names.index(q.owner) for q in questions], dtype=np.int64)
    texts = [question.text for question in questions]
    times = _times(learnt, encoder, texts)
    remembering = None if encoder is None else Remembering(encoder, None)
    stage = _stage(learnt, remembering)
    if isinstance(stage, EncoderStage):
        stage.prepare(texts)
    judgements = [stage.judge(text) for text in texts]
    judgement = Judgement(
        np.concatenate([j.among for j in judgements]),
        np.concatenate([j.scope for j in judgements]),
        np.concatenate([j.somebody for j in judgements]),
    )
    return _trial(learnt, labels, judgement, times=times)


def bench(
    train: Sequence[Labelled], test: Sequence[Labelled], encoder: Encoder | None, k: int | None, seed: int
) -> Trial:
    """Fits to `k` questions of each domain in `train` (all where None), drawn with `seed`, and to the everyday list; judges
    `test`. Lines of nobody in `train` are left aside, so that nothing is learned of what out of scope looks like there.
    """
    domains = sorted({line.owner for line in train if line.owner is not None})
    if not domains:
        raise UsageError("No line of the training file has a domain.")
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


def _held(learned: Learned) -> Judgement:
    judgement, held = learned.judgement, learned.held
    return Judgement(judgement.among[held], judgement.scope[held], judgement.somebody[held])


def _trial(learnt: Learnt, labels: Labels, judgement: Judgement, times: tuple[float, float] = (0.0, 0.0)) -> Trial:
    guesses = judgement.among.argmax(axis=1)
    kept = judgement.somebody >= 0.5
    judged = Judged(labels, guesses, judgement.among.max(axis=1), judgement.scope, kept)
    names: list[str | None] = [*learnt.names, None]
    confusion: dict[tuple[str | None, str | None], int] = {}
    for label, guess in zip(labels.tolist(), np.where(kept, guesses, -1).tolist(), strict=True):
        pair = (names[label], names[guess])  # -1: the last, nobody
        confusion[pair] = confusion.get(pair, 0) + 1
    return Trial(quality(judged), judged, confusion, len(labels), decide_ms_p50=times[0], decide_ms_p95=times[1])
