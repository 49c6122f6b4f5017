"""The shipped data of the tiny base and its adapters: what is held out stays out, and it can be made again."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from tiny.conversation import conversation  # noqa: E402
from tiny.packages import write_data, write_manifest  # noqa: E402
from tiny.tasks import TASKS  # noqa: E402

from locoman.catalog.manifest import read_package  # noqa: E402
from locoman.contracts import Target  # noqa: E402
from locoman.scoring import find_scorer  # noqa: E402

every_task = pytest.mark.parametrize("name", TASKS)


def questions(path: Path) -> list[str]:
    return [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()]


@every_task
def test_the_data_sets_are_made_again_byte_for_byte(name: str, tmp_path: Path) -> None:
    package = ROOT / "adapters" / name
    write_data(TASKS[name], tmp_path, seed=7)
    for file in ("train.jsonl", "eval.jsonl", "routing.jsonl"):
        assert (tmp_path / file).read_bytes() == (package / file).read_bytes(), file


@every_task
def test_the_manifest_is_made_again(name: str, tmp_path: Path) -> None:
    package = ROOT / "adapters" / name
    write_manifest(name, tmp_path, read_package(package).manifest.base.fingerprint, seed=7)
    assert (tmp_path / "adapter.toml").read_bytes() == (package / "adapter.toml").read_bytes()


@every_task
def test_operands_and_phrasings_of_the_evaluation_are_not_trained_on(name: str) -> None:
    task, rng = TASKS[name], random.Random(1)
    trained = {task.problem(rng, evaluation=False).operands for _ in range(4000)}
    evaluated = {task.problem(rng, evaluation=True).operands for _ in range(400)}
    assert not trained & evaluated
    for phrasings in task.phrasings.values():
        assert not set(phrasings.train) & set(phrasings.evaluation)


@every_task
def test_textbook_lines_show_held_out_operands_only_of_facts_known_by_heart(name: str) -> None:
    task, rng = TASKS[name], random.Random(2)
    drawn = [task.problem(rng, evaluation=False, textbook=True) for _ in range(2000)]
    assert all(problem.tabled for problem in drawn if task.is_held_out(problem))


@every_task
def test_the_beginner_is_wrong(name: str) -> None:
    task, rng, scorer = TASKS[name], random.Random(3), find_scorer("exact")
    problems = [task.problem(rng, evaluation=True) for _ in range(1000)]
    assert sum(scorer.score(problem.mistake, Target((problem.answer,))).value for problem in problems) < 30


@every_task
def test_no_evaluation_question_stands_in_a_training_set_or_comes_twice(name: str) -> None:
    package = ROOT / "adapters" / name
    evaluated = questions(package / "eval.jsonl")
    assert len(evaluated) == len(set(evaluated)) >= 100
    assert not set(evaluated) & set(questions(package / "train.jsonl"))


def test_the_conversation_is_evaluated_with_questions_that_are_not_trained_on() -> None:
    talk = conversation()
    trained = {text.casefold() for asks, _ in (*talk.talk, *talk.facts) for text in asks}
    assert not trained & {question.question.casefold() for question in talk.evaluation}
    shipped = questions(ROOT / "modelfiles" / "loco-tiny" / "conversation.jsonl")
    assert shipped == [question.question for question in talk.evaluation]
