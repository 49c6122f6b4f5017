from __future__ import annotations

from dataclasses import replace

import pytest
from support.held_out import packages
from support.subjects import NONE, SUBJECTS

from locoman.contracts import Message
from locoman.routing.cascade import Router
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.explain import explain
from locoman.routing.fit import fit_router
from locoman.routing.stages.said import digest


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.of(fit_router(SUBJECTS, NONE))


def test_an_explanation_has_the_nearest_examples_and_the_words_that_counted(router: Router) -> None:
    why = explain(router, "a recipe for pudding with cream")
    assert why.decision.adapter == "cooking"
    compared = why.compared
    assert compared is not None
    assert compared.nearest[0].text.startswith("a recipe for")
    assert compared.nearest[0].adapter == "cooking"
    assert compared.words[0].word in ("recipe", "pudding")
    assert compared.likeliest == "cooking"
    assert compared.scope >= compared.threshold
    assert why.parts == ()


def test_two_requests_in_one_are_told_apart(router: Router) -> None:
    why = explain(router, "what is 12 + 9 and how do I get to Oslo by train?")
    assert [part.adapter for part in why.parts] == ["sums", "travel"]


@pytest.mark.parametrize(
    ("question", "owners"),
    [
        ("Spell cat, then 3+4", ["words", "arithmetic"]),
        ("Spell cat and add 3 and 4", ["words", "arithmetic"]),
        ("Reverse the word planet, and then add 3 and 4", ["words", "arithmetic"]),
        ("Tell me a story and then add 3 and 4", [None, "arithmetic"]),
        ("What is 3 + 4? Who was Napoleon?", ["arithmetic", None]),
        ("Add 3 and 4.", []),
        ("Hello! What is 3 + 4? Thanks.", []),
        ("I like school. What is 3 + 4?", []),
        ("How many metres are 4 km and 30 m?", []),
    ],
)
def test_mixed_requests_are_told_however_short_and_the_bases_half_too(question: str, owners: list[str | None]) -> None:
    why = explain(
        Router.of(fit_router(packages(("arithmetic", "dates", "units", "words")), everyday_questions())), question
    )
    assert [part.adapter for part in why.parts] == owners


@pytest.mark.parametrize("question", ["", "😀", "x" * 5000, "日本の首都は"])
def test_odd_questions_are_explained_too(router: Router, question: str) -> None:
    assert explain(router, question).decision.adapter is None


def test_a_keyword_explains_itself() -> None:
    model = fit_router([AdapterExamples("latin", keywords=("in latin",))], NONE)
    assert explain(Router.of(model), "house in Latin").decision.stage == "keywords"


def test_only_what_decided_explains_a_keyword() -> None:
    model = fit_router([*SUBJECTS, AdapterExamples("latin", keywords=("in latin", "house"))], NONE)
    why = explain(Router.of(model), "what is 12 + 9 in LATIN")
    assert (why.decision.adapter, why.keyword, why.said, why.compared) == ("latin", "in latin", False, None)


def test_what_the_user_said_explains_itself() -> None:
    model = replace(fit_router(SUBJECTS, NONE), said=((digest("what is 12 + 9"), "cooking"),))
    why = explain(Router.of(model), "What is 12 + 9")
    assert (why.decision.adapter, why.keyword, why.said, why.compared) == ("cooking", None, True, None)


def test_an_adapter_that_is_refused_is_named_and_the_words_keep_their_meaning(router: Router) -> None:
    question = "a recipe for pudding with cream"
    free = explain(router, question)
    demanding = tuple(replace(subject, minimum_confidence=1.0) for subject in SUBJECTS)
    for model, by in (
        (fit_router(demanding, NONE), "minimum_confidence"),
        (fit_router(SUBJECTS, NONE, wrong_cost=1000.0), "wrong_cost"),
    ):
        why = explain(Router.of(model), question)
        refused = why.decision.refused
        assert refused is not None
        assert why.decision.adapter is None
        assert (refused.adapter, refused.by) == ("cooking", by)
        assert refused.probability == pytest.approx(free.decision.confidence)
        assert refused.demanded > refused.probability
        assert why.decision.confidence == pytest.approx(
            next(c.probability for c in free.decision.candidates if c.adapter is None)
        )
        assert why.compared is not None
        assert free.compared is not None
        assert (why.compared.likeliest, why.compared.words) == ("cooking", free.compared.words)


def test_what_is_nobodys_was_refused_to_none(router: Router) -> None:
    assert explain(router, "good evening, my friend").decision.refused is None


def test_an_adapter_is_refused_in_a_conversation_too() -> None:
    question = "a recipe for pudding with cream"
    router = Router.of(fit_router(SUBJECTS, NONE, wrong_cost=1000.0))
    decision = router.decide(question, [Message("user", "what is 12 + 9"), Message("assistant", "21")])
    assert decision.refused is not None
    assert (decision.adapter, decision.refused.adapter) == (None, "cooking")
