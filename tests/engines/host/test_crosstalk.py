"""No answer is ever another adapter's: the reason why the host schedules as it does (see slots.py)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from support.tiny_home import HomeMaker, TinyHome, request, shut

from locoman.contracts import ServedBase

# Chosen so that at every token of every answer the best is at least 0.15 (in log-probability) ahead of the second best. Where
# the cache lies and how the prompt was cut into batches changes it by some 0.01, without any adapter in play: a closer pair
# would now and then come out the other way round.
QUESTIONS = ("hello there", "hello their", "what is seven times eight", "what is seven plus nine", "x" * 50)
ADAPTERS = ("alpha", "beta", "gamma", "delta")
Case = tuple[str, str]


@pytest.fixture(scope="module")
def expected(base: ServedBase, tmp_path_factory: pytest.TempPathFactory) -> dict[Case, str]:
    """The answers of llama.cpp servers that serve one adapter alone."""
    answers: dict[Case, str] = {}
    home = TinyHome(tmp_path_factory.mktemp("alone"), base, {}, {})
    for adapter in base.adapters:
        home.serve(replace(base, adapters=(adapter,)))
        for question in QUESTIONS:
            answers[adapter.name, question] = home.text(question, adapter.name)
    home.serve(replace(base, adapters=()))
    answers.update({("base", question): home.text(question, "base") for question in QUESTIONS})
    shut(home)
    return answers


def cases(count: int, seed: int) -> list[Case]:
    rng = random.Random(seed)
    return [(rng.choice((*ADAPTERS, "base")), rng.choice(QUESTIONS)) for _ in range(count)]


def test_the_adapters_are_so_strong_that_a_mistake_would_show(expected: dict[Case, str]) -> None:
    for question in QUESTIONS:
        assert len({expected[model, question] for model in (*ADAPTERS, "base")}) == 5


@pytest.mark.parametrize("slots", [64, 2], ids=["a slot for everybody", "two slots for five"])
def test_in_any_order_everybody_gets_their_own_answer(
    make_home: HomeMaker, expected: dict[Case, str], slots: int
) -> None:
    home = make_home(max_slots=slots)
    asked = cases(150, seed=slots)
    answers = [home.text(question, model) for model, question in asked]
    assert answers == [expected[case] for case in asked]


def test_so_do_many_clients_at_once_streaming_or_not(make_home: HomeMaker, expected: dict[Case, str]) -> None:
    home = make_home()
    asked = cases(150, seed=3)
    with home.client() as client, ThreadPoolExecutor(12) as pool:

        def ask(number: int) -> str:
            model, question = asked[number]
            if number % 2:
                return home.text(question, model)
            body = {"model": model, "messages": [{"role": "user", "content": question}]}
            document = client.post("/v1/chat/completions", json=body).json()
            text: str = document["choices"][0]["message"]["content"]
            return text

        home.ensure()
        answers = list(pool.map(ask, range(len(asked))))
    assert answers == [expected[case] for case in asked]


def test_an_answer_broken_off_leaves_nothing_behind_for_the_next(
    make_home: HomeMaker, expected: dict[Case, str]
) -> None:
    home = make_home()
    for model, question in cases(40, seed=4):
        chunks = home.engine.chat(request("something long " * 5, model, max_tokens=200))
        for _ in range(3):
            next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert home.text(question, model) == expected[model, question]
