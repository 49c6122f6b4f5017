"""Asks one case and scores what comes: by a generated answer, or by the log-likelihood of its choices."""

from __future__ import annotations

import time
from dataclasses import replace

from locoman.catalog.manifest import EvaluationCase
from locoman.contracts import Engine, Likelihoods, Request, Sampling, Score, Scorer
from locoman.errors import ContextExceeded, EngineBusy, EngineLost, LocomanError, MissingPrerequisite, ScorerFailed
from locoman.evaluation import prompts
from locoman.evaluation.answers import Answer, collect
from locoman.evaluation.results import CaseResult
from locoman.evaluation.suite import Suite
from locoman.names import ModelName
from locoman.scoring import Vote
from locoman.scoring.choice import score_likelihoods

SEED = 0
_TRIES = 3
"""How often a case is asked when the engine is lost or busy; a host that was ended is started anew by the next question."""


class Asker:
    """Makes results of cases; several threads may use it."""

    def __init__(self, engine: Engine, model: ModelName, suite: Suite, scorer: Scorer, serial: bool) -> None:
        self._engine = engine
        self._model = model
        self._suite = suite
        self._scorer = scorer
        self._serial = serial
        self._sampling = _samplings(suite, scorer)

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
            score = self._score(asked, case)
        except ContextExceeded as error:
            return CaseResult(number, case.question, case.accepted, "", 0.0, note=str(error)), None
        except ScorerFailed as error:
            return asked, error
        except LocomanError as error:
            return None, error
        return replace(asked, score=score.value, metrics=score.metrics, note=score.note), None

    def _score(self, asked: CaseResult, case: EvaluationCase) -> Score:
        if isinstance(self._scorer, Vote):
            return self._scorer.score_samples(asked.samples, case.target)
        return self._scorer.score(asked.answer, case.target)

    def _asked(self, number: int, case: EvaluationCase) -> CaseResult:
        messages = prompts.messages(self._suite.prompt, case)
        requests = [Request(messages, self._model, sampling, self._serial, whole=True) for sampling in self._sampling]
        answers = [self._answer(request) for request in requests]
        answer, times = answers[0], [answer.told or answer.measured for answer in answers]
        return CaseResult(
            case=number,
            question=case.question,
            expected=case.accepted,
            answer=answer.text,
            score=None,
            samples=tuple(other.text for other in answers) if len(answers) > 1 else (),
            adapter=answer.served.adapter if answer.served is not None else None,
            finish=answer.finish,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=sum(other.usage.completion_tokens for other in answers),
            cached_tokens=answer.usage.cached_tokens,
            ttft_ms=times[0].ttft_ms,
            total_ms=sum(each.total_ms for each in times),
            tokens_per_second=times[0].tokens_per_second,
        )

    def _answer(self, request: Request) -> Answer:
        for attempt in range(1, _TRIES + 1):
            try:
                return collect(self._engine, request)
            except EngineLost:
                if attempt == _TRIES:
                    raise
            except EngineBusy as error:
                if attempt == _TRIES:
                    raise
                time.sleep(min(error.retry_after, 30))
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _chosen(self, number: int, case: EvaluationCase) -> CaseResult:
        """The most probable choice; metrics as lm-evaluation-harness has them, see `scoring.choice.score_likelihoods`."""
        if not isinstance(self._engine, Likelihoods):
            raise MissingPrerequisite(
                f"The suite {self._suite.name} compares log-likelihoods, which this engine does not tell.",
                'locoman config engine.kind llama_cpp   (after: pip install "locoman[llama-cpp]")',
            )
        begun = time.perf_counter()
        prompt = self._suite.prompt
        totals = self._engine.loglikelihood(
            self._model,
            prompts.context(prompt, case),
            [prompt.delimiter + choice for choice in case.choices],
            serial=self._serial,
        )
        score = score_likelihoods(totals, case.target)
        return CaseResult(
            case=number,
            question=case.question,
            expected=case.accepted,
            answer=case.choices[totals.index(max(totals))],
            score=score.value,
            metrics=score.metrics,
            note=" ".join(f"{total:.6f}" for total in totals),
            adapter=self._model.adapter.name if self._model.adapter is not None else None,
            total_ms=(time.perf_counter() - begun) * 1000.0,
        )


def _samplings(suite: Suite, scorer: Scorer) -> tuple[Sampling, ...]:
    """How a case is asked, once for each time that it is asked."""
    if not isinstance(scorer, Vote):
        return (Sampling(suite.max_tokens, temperature=0.0, seed=SEED, stop=suite.stop),)
    return tuple(
        Sampling(suite.max_tokens, temperature=suite.temperature, seed=SEED + number, stop=suite.stop)
        for number in range(scorer.samples)
    )
