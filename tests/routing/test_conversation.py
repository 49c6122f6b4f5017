from __future__ import annotations

from dataclasses import replace

import pytest
from support.subjects import NONE, SUBJECTS

from locoman.contracts import Message
from locoman.routing.cascade import Router
from locoman.routing.conversation import is_follow_up
from locoman.routing.fit import fit_router
from locoman.routing.stages.said import digest


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.of(fit_router(SUBJECTS, NONE))


def turns(*questions: str) -> tuple[Message, ...]:
    return tuple(m for q in questions for m in (Message("user", q), Message("assistant", "It is done.")))


@pytest.mark.parametrize(
    "question", ["and why?", "now with 30", "what about Lima", "And again, please.", "is that right?", "why"]
)
def test_a_follow_up_stays_with_the_adapter_of_its_conversation(router: Router, question: str) -> None:
    decision = router.decide(question, turns("is there a night train to Oslo"))
    assert decision.adapter == "travel"
    assert decision.confidence == next(c.probability for c in decision.candidates if c.adapter == "travel")
    assert sum(c.probability for c in decision.candidates) == pytest.approx(1)


@pytest.mark.parametrize("question", ["now with 30", "and 12?", "12", "30 instead of 9", "and the same for 8?"])
def test_numbers_alone_are_no_topic(router: Router, question: str) -> None:
    decision = router.decide(question, turns("is there a night train to Oslo"))
    assert decision.adapter == "travel"
    assert decision.confidence > 0.9


def test_a_new_topic_that_is_clear_changes_the_adapter(router: Router) -> None:
    history = turns("is there a night train to Oslo")
    assert router.decide("And what is 12 + 9?", history).adapter == "sums"
    assert router.decide("12 + 9?", history).adapter == "sums"
    assert router.decide("How do I make pancakes without eggs?", history).adapter == "cooking"


@pytest.mark.parametrize(
    "question", ["Thanks a lot!", "Good morning!", "My cat sleeps all day in the warm kitchen of aunt"]
)
def test_what_leans_on_nothing_stands_for_itself(router: Router, question: str) -> None:
    assert router.decide(question, turns("what is 12 + 9")).adapter is None


def test_the_topic_is_the_last_one(router: Router) -> None:
    history = turns("what is 12 + 9", "and why?", "a recipe for soup", "for two")
    assert router.decide("and without salt?", history).adapter == "cooking"


def test_after_the_base_a_follow_up_stays_with_the_base(router: Router) -> None:
    assert router.decide("and why?", turns("Do you like football?")).adapter is None


def test_a_system_message_is_no_question(router: Router) -> None:
    assert router.decide("and why?", (Message("system", "what is 12 + 9"),)).adapter is None


@pytest.mark.parametrize("text", ["", "   ", "😀"])
def test_nothing_is_no_follow_up(text: str) -> None:
    assert not is_follow_up(text)


def test_what_somebody_said_of_this_very_question_counts_in_a_conversation_too() -> None:
    model = replace(fit_router(SUBJECTS, NONE), said=((digest("now with 30"), "sums"),))
    assert Router.of(model).decide("now with 30", turns("is there a night train to Oslo")).adapter == "sums"
