"""Who claims whose questions: loco-tiny's four adapters and a fifth."""

from __future__ import annotations

import json
from functools import cache

import pytest
from support.encoder import real_encoder
from support.held_out import packages, questions
from support.subjects import PLANETS

from locoman.catalog.shelf import shipped
from locoman.routing.cascade import Router
from locoman.routing.conflicts import serious
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import fit_router
from locoman.routing.models import Conflict, Encoder, Learnt, RouterModel
from locoman.workflows.router.vectors import Remembering

TINY = ("arithmetic", "dates", "units", "words")
OWN = {adapter.name: adapter for adapter in packages(TINY)}
ALL = tuple(text for adapter in OWN.values() for text in adapter.mine)


def trained_on(name: str, count: int) -> tuple[str, ...]:
    lines = (shipped("adapters") / name / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(dict.fromkeys(json.loads(line)["question"] for line in lines))[:count]


def mass() -> tuple[str, ...]:
    return tuple(f"{text} {n}" if n else text for n in range(35) for text in (*everyday_questions(), *ALL))


@cache
def encoder() -> Encoder:
    return Remembering(real_encoder(), None)


def fitted(fifth: AdapterExamples | None, meaning: bool) -> RouterModel:
    adapters = [*OWN.values(), *([fifth] if fifth else [])]
    return fit_router(adapters, everyday_questions(), encoder=encoder() if meaning else None)


def conflicts(fifth: AdapterExamples | None, meaning: bool) -> tuple[Conflict, ...]:
    learnt = fitted(fifth, meaning).learnt
    assert isinstance(learnt, Learnt)
    return learnt.conflicts


BOTH = pytest.mark.parametrize("meaning", [False, True])


@BOTH
def test_identical_adapters_are_named_with_questions(meaning: bool) -> None:
    (found,) = conflicts(AdapterExamples("twin", mine=OWN["words"].mine), meaning)
    assert {found.adapter, found.other} == {"twin", "words"}
    assert (found.mutual, found.count, found.of) == (True, 90, 90)
    assert set(found.examples) <= set(OWN["words"].mine)
    assert serious((found,)) == (found,)
    assert found.examples[0] in str(found)


@BOTH
@pytest.mark.parametrize(
    ("texts", "victims"), [(ALL, set(TINY)), (mass(), set(TINY)), (trained_on("words", 300), {"words"})]
)
def test_who_takes_others_questions_is_named_and_not_the_others(
    texts: tuple[str, ...], victims: set[str], meaning: bool
) -> None:
    found = serious(conflicts(AdapterExamples("greedy", mine=texts), meaning))
    assert {conflict.adapter for conflict in found} == {"greedy"}
    assert {conflict.other for conflict in found} >= victims


@BOTH
def test_who_takes_everyday_questions_is_named(meaning: bool) -> None:
    found = serious(conflicts(AdapterExamples("everyday", mine=everyday_questions()), meaning))
    assert [(conflict.adapter, conflict.other) for conflict in found] == [("everyday", None)]


def test_who_takes_some_of_everybodys_is_named() -> None:
    some = tuple(text for adapter in OWN.values() for text in adapter.mine[:18])
    found = serious(conflicts(AdapterExamples("greedy", mine=some), False))
    assert {conflict.adapter for conflict in found} == {"greedy"}


@BOTH
@pytest.mark.parametrize("count", [0, 5, 10, 20])
def test_an_honest_adapter_of_few_examples_is_not_accused(count: int, meaning: bool) -> None:
    fifth = AdapterExamples("planets", mine=PLANETS[:count]) if count else None
    assert serious(conflicts(fifth, meaning)) == ()


@pytest.mark.parametrize("meaning", [False, True])
def test_mass_wins_nothing(meaning: bool) -> None:
    """An adapter with 500 examples that claim everything takes few of the questions that the four adapters have."""
    router = Router.of(fitted(AdapterExamples("mass", mine=mass()), meaning), encoder() if meaning else None)
    asked = [question for question in questions() if question.adapter in TINY]
    taken = [question.text for question in asked if router.decide(question.text).adapter == "mass"]
    assert len(taken) <= 0.1 * len(asked)


def test_no_shipped_adapter_claims_anothers_questions() -> None:
    learnt = fit_router(packages(), everyday_questions()).learnt
    assert learnt is not None
    assert serious(learnt.conflicts) == ()
