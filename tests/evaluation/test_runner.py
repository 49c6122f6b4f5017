"""The runner against the scripted engine, which is a real one, and against engines that fail on purpose."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from locoman.catalog.manifest import EvaluationCase
from locoman.contracts import Chunk, Request, Residency, Score, Target, Usage
from locoman.engines.scripted import ScriptedEngine
from locoman.errors import ContextExceeded, EngineLost, MissingPrerequisite, ScorerFailed
from locoman.evaluation.journal import Journal, RunHeader, read_run
from locoman.evaluation.runner import run_suite
from locoman.evaluation.suite import Prompt, ScorerChoice, Suite
from locoman.names import BASE
from locoman.scoring import build_scorer, find_scorer

EXACT = find_scorer("exact")


def suite(count: int = 12, **changes: object) -> Suite:
    cases = tuple(EvaluationCase(f"What is {n} plus 1?", str(n + 1)) for n in range(count))
    return Suite("sums", cases, **changes)  # type: ignore[arg-type]


def script(folder: Path, count: int = 12, wrong: Sequence[int] = ()) -> ScriptedEngine:
    lines = [
        {"question": f"What is {n} plus 1?", "answer": "no idea" if n in wrong else str(n + 1)} for n in range(count)
    ]
    path = folder / "script.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ScriptedEngine(path)


def header(total: int) -> RunHeader:
    return RunHeader(run="r", suite="sums", suite_digest="d", model="base", base="b", total=total)


def test_results_stand_in_the_order_of_the_suite_however_many_are_asked_at_a_time(tmp_path: Path) -> None:
    for parallel in (1, 5):
        result = run_suite(script(tmp_path, wrong=(3, 7)), BASE, suite(), EXACT, parallel=parallel)
        assert [r.case for r in result.results] == list(range(12))
        assert [n for n, r in enumerate(result.results) if not r.score] == [3, 7]
        assert result.score == pytest.approx(10 / 12)
        assert result.ci95[0] < 10 / 12 < result.ci95[1]
        assert result.results[0].completion_tokens == 1
        assert result.results[0].total_ms > 0


class Counting:
    """Answers everything with 1, and knows how many were asked at a time."""

    def __init__(self, lost: int = 0, too_long: str = "") -> None:
        self.asked: list[str] = []
        self.most = 0
        self.lost = lost
        self.too_long = too_long
        self._now = 0
        self._lock = threading.Lock()

    def chat(self, request: Request) -> Iterator[Chunk]:
        question = request.messages[-1].content
        with self._lock:
            self.asked.append(question)
            self._now += 1
            self.most = max(self.most, self._now)
            fails = self.lost > 0 and len(self.asked) > 5
            self.lost -= fails
        threading.Event().wait(0.005)
        with self._lock:
            self._now -= 1
        if self.too_long and self.too_long in question:
            raise ContextExceeded(5000, 4096)
        if fails:
            raise EngineLost("It went away.")
        yield Chunk(text="1")
        yield Chunk(finish="stop", usage=Usage(3, 0, 1))

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        return [0.0 for _ in options]

    def resident(self) -> Residency | None:
        return None


def test_no_more_cases_are_asked_at_a_time_than_was_said() -> None:
    engine = Counting()
    run_suite(engine, BASE, suite(20), EXACT, parallel=3)
    assert 1 < engine.most <= 3
    engine = Counting()
    run_suite(engine, BASE, suite(5), EXACT, serial=True)
    assert engine.most == 1


def test_an_engine_that_comes_back_is_asked_again_and_one_that_does_not_ends_the_run_with_all_work_kept(
    tmp_path: Path,
) -> None:
    assert len(run_suite(Counting(lost=2), BASE, suite(20), EXACT, parallel=2).results) == 20
    with Journal(tmp_path / "run", header(20)) as journal, pytest.raises(EngineLost):
        run_suite(Counting(lost=1000), BASE, suite(20), EXACT, journal=journal, parallel=2)
    kept = len(read_run(tmp_path / "run").results)
    assert 3 <= kept < 20
    engine = Counting()
    with Journal(tmp_path / "run", header(20)) as journal:
        result = run_suite(engine, BASE, suite(20), EXACT, journal=journal)
    assert len(result.results) == 20
    assert len(engine.asked) == 20 - kept


def test_a_case_that_does_not_fit_the_context_is_wrong_and_says_so() -> None:
    result = run_suite(Counting(too_long="What is 3 "), BASE, suite(6), EXACT)
    assert result.results[3].score == 0.0
    assert "too long" in result.results[3].note


class Failing:
    """Cannot tell how right the fourth answer is."""

    def score(self, answer: str, target: Target) -> Score:
        if "What is 3 " in target.question:
            raise ScorerFailed("The judge answered nonsense.")
        return Score(1.0)


def test_an_answer_whose_scorer_failed_is_kept_and_only_scored_when_the_run_goes_on(tmp_path: Path) -> None:
    engine = Counting()
    with Journal(tmp_path / "run", header(6)) as journal, pytest.raises(ScorerFailed):
        run_suite(engine, BASE, suite(6), Failing(), journal=journal, parallel=1)
    asked = len(engine.asked)
    with Journal(tmp_path / "run", header(6)) as journal:
        result = run_suite(engine, BASE, suite(6), EXACT, journal=journal)
    assert sorted(engine.asked) == sorted({*engine.asked})
    assert asked == 4
    assert [r.case for r in result.results] == list(range(6))


class Telling(Counting):
    """Tells log-likelihoods: the shorter, the more probable."""

    def loglikelihood(
        self, model: object, context: str, continuations: Sequence[str], *, serial: bool = False
    ) -> Sequence[float]:
        self.asked.append(context)
        return [-float(len(text)) for text in continuations]


def test_a_choice_is_the_most_probable_continuation() -> None:
    cases = (
        EvaluationCase("Capital of France?", "Paris", choices=("Paris", "Marseille")),
        EvaluationCase("Capital of Spain?", "Madrid", choices=("Madrid", "Jaén")),
    )
    asked = Suite("capitals", cases, "choice", Prompt(template="Q: {question}\nA:"), scorer=ScorerChoice("choice"))
    engine = Telling()
    result = run_suite(engine, BASE, asked, EXACT)
    assert [r.answer for r in result.results] == ["Paris", "Jaén"]
    assert [r.score for r in result.results] == [1.0, 0.0]
    assert engine.asked[0] == "Q: Capital of France?\nA:"
    with pytest.raises(MissingPrerequisite, match="log-likelihoods"):
        run_suite(Counting(), BASE, asked, EXACT)


class Wavering(Counting):
    """Answers by the seed: three times 7, twice 8."""

    def chat(self, request: Request) -> Iterator[Chunk]:
        assert request.sampling.temperature == 0.7
        yield Chunk(text="I say 7." if (request.sampling.seed or 0) % 2 == 0 else "It is 8.")
        yield Chunk(finish="stop", usage=Usage(3, 0, 1))


def test_a_vote_asks_with_other_seeds_and_scores_what_most_answers_say() -> None:
    asked = suite(1, scorer=ScorerChoice("vote", {"samples": 5, "scorer": "numeric"}))
    asked = Suite("sums", (EvaluationCase("What is 6 plus 1?", "7"),), scorer=asked.scorer)
    scorer = build_scorer(asked.scorer.name, asked.scorer.options)
    (result,) = run_suite(Wavering(), BASE, asked, scorer).results
    assert (result.score, dict(result.metrics)["agreement"], len(result.samples)) == (1.0, 0.6, 5)
    assert result.completion_tokens == 5
