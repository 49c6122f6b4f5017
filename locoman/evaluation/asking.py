"""Asks one case and scores what comes: by a generated answer, or by the log-likelihood of its choices."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from locoman.catalog.manifest import EvaluationCase
from locoman.contracts import Chunk, Engine, Likelihoods, Request, Sampling, Scorer, Served, Timing, Usage
from locoman.errors import ContextExceeded, EngineBusy, EngineLost, LocomanError, MissingPrerequisite, ScorerFailed
from locoman.evaluation import prompts
from locoman.evaluation.results import CaseResult
from locoman.evaluation.suite import Suite
from locoman.names import ModelName

SEED = 0
_TRIES = 3
"""How often a case is asked when the engine is lost or busy; a host that was ended is started anew by the next question."""


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    served: Served | None
    finish: str
    timing: Timing
    usage: Usage


class Asker:
    """Makes results of cases; several threads may use it."""

    def __init__(self, engine: Engine, model: ModelName, suite: Suite, scorer: Scorer, serial: bool) -> None:
        self._engine = engine
        self._model = model
        self._suite = suite
        self._scorer = scorer
        self._serial = serial
        self._sampling = Sampling(suite.max_tokens, temperature=0.0, seed=SEED, stop=suite.stop)

    def slots(self) -> int:
        """How many requests the engine answers at a time; 0 where it does not tell."""
        resident = self._engine.resident()
        return resident.load.slots if resident is not None else 0

    def result(
        self, number: int, case: EvaluationCase, answered: CaseResult | None
    ) -> tuple[CaseResult | None, LocomanError | None]:
        """The case's result and what went wrong. `answered` has the answer already, and only needs a score."""
        asked = answered
        try:
            if self._suite.kind == "choice":
                return self._chosen(number, case), None
            asked = asked or self._asked(number, case)
            if asked.score is not None:  # it does not fit the context
                return asked, None
            score = self._scorer.score(asked.answer, case.target)
        except ScorerFailed as error:
            return asked, error
        except LocomanError as error:
            return None, error
        return replace(asked, score=score.value, metrics=score.metrics, note=score.note), None

    def _asked(self, number: int, case: EvaluationCase) -> CaseResult:
        request = Request(prompts.messages(self._suite.prompt, case), self._model, self._sampling, self._serial)
        try:
            answer = self._answer(request)
        except ContextExceeded as error:
            return CaseResult(number, case.question, case.accepted, "", 0.0, note=str(error))
        return CaseResult(
            case=number,
            question=case.question,
            expected=case.accepted,
            answer=answer.text,
            score=None,
            adapter=answer.served.adapter if answer.served is not None else None,
            finish=answer.finish,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            cached_tokens=answer.usage.cached_tokens,
            ttft_ms=answer.timing.ttft_ms,
            total_ms=answer.timing.total_ms,
            tokens_per_second=answer.timing.tokens_per_second,
        )

    def _answer(self, request: Request) -> _Answer:
        for attempt in range(1, _TRIES + 1):
            try:
                return _collect(self._engine, request)
            except EngineLost:
                if attempt == _TRIES:
                    raise
            except EngineBusy as error:
                if attempt == _TRIES:
                    raise
                time.sleep(min(error.retry_after, 30))
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _chosen(self, number: int, case: EvaluationCase) -> CaseResult:
        """The most probable choice. Metrics as lm-evaluation-harness has them: acc by the sum of log-probabilities, acc_norm
        by that divided by the choice's length in characters; the score is acc."""
        if not isinstance(self._engine, Likelihoods):
            raise MissingPrerequisite(
                f"The suite {self._suite.name} compares log-likelihoods, which this engine does not tell.",
                'locoman config set engine.kind llama_cpp   (needs pip install "locoman[llama-cpp]")',
            )
        begun = time.perf_counter()
        prompt = self._suite.prompt
        found = self._engine.loglikelihood(
            self._model, prompts.context(prompt, case), [prompt.delimiter + choice for choice in case.choices]
        )
        sums = [likelihood.total for likelihood in found]
        normed = [total / max(1, len(choice)) for total, choice in zip(sums, case.choices, strict=True)]
        first, first_normed = (values.index(max(values)) for values in (sums, normed))
        right = [float(case.choices[place] in case.accepted) for place in (first, first_normed)]
        return CaseResult(
            case=number,
            question=case.question,
            expected=case.accepted,
            answer=case.choices[first],
            score=right[0],
            metrics=(("acc", right[0]), ("acc_norm", right[1])),
            note=" ".join(f"{total:.6f}" for total in sums),
            adapter=self._model.adapter.name if self._model.adapter is not None else None,
            total_ms=(time.perf_counter() - begun) * 1000.0,
        )


def _collect(engine: Engine, request: Request) -> _Answer:
    """The whole answer; what the engine does not tell of times and counts is measured here."""
    begun = time.perf_counter()
    first = 0.0
    texts: list[str] = []
    served: Served | None = None
    last = Chunk()
    for chunk in engine.chat(request):
        if chunk.text:
            first = first or time.perf_counter()
            texts.append(chunk.text)
        served = chunk.served or served
        last = chunk
    now = time.perf_counter()
    usage = last.usage or Usage()
    return _Answer(
        "".join(texts), served, last.finish or "", last.timing or _timed(begun, first or now, now, usage), usage
    )


def _timed(begun: float, first: float, now: float, usage: Usage) -> Timing:
    count = usage.completion_tokens
    speed = (count - 1) / (now - first) if count > 1 and now > first else 0.0
    return Timing(ttft_ms=(first - begun) * 1000.0, total_ms=(now - begun) * 1000.0, tokens_per_second=speed)
