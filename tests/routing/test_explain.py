from __future__ import annotations

import pytest
from support.subjects import NONE, SUBJECTS

from locoman.routing.cascade import Router
from locoman.routing.examples import AdapterExamples
from locoman.routing.explain import explain
from locoman.routing.fit import fit_router


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.of(fit_router(SUBJECTS, NONE))


def test_an_explanation_has_the_nearest_examples_and_the_words_that_counted(router: Router) -> None:
    why = explain(router, "a recipe for pudding with cream")
    assert why.decision.adapter == "cooking"
    assert why.nearest[0].text.startswith("a recipe for")
    assert why.nearest[0].adapter == "cooking"
    assert why.words[0].word in ("recipe", "pudding")
    assert why.scope is not None
    assert why.threshold is not None
    assert why.scope >= why.threshold
    assert why.parts == ()


def test_two_requests_in_one_are_told_apart(router: Router) -> None:
    why = explain(router, "what is 12 + 9 and how do I get to Oslo by train?")
    assert [part.adapter for part in why.parts] == ["sums", "travel"]


@pytest.mark.parametrize("question", ["", "😀", "x" * 5000, "日本の首都は"])
def test_odd_questions_are_explained_too(router: Router, question: str) -> None:
    assert explain(router, question).decision.adapter is None


def test_a_keyword_explains_itself() -> None:
    model = fit_router([AdapterExamples("latin", keywords=("in latin",))], NONE)
    assert explain(Router.of(model), "house in Latin").decision.stage == "keywords"
