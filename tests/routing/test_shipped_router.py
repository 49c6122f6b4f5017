"""The router as it ships: fitted to the packages in adapters/, asked questions that no package holds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
import pytest
from support.subjects import PLANETS

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.documents import read_jsonl
from locoman.routing.cascade import Router
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import fit_router

TINY = ("arithmetic", "dates", "units", "words")
PROMPT_ONLY = ("code", "math-reasoning", "writing")


class Question(msgspec.Struct):
    text: str
    adapter: str | None


HELD_OUT = tuple(read_jsonl(Path(__file__).parent / "data" / "questions.jsonl", Question))


@cache
def examples(name: str) -> AdapterExamples:
    package = read_package(shipped("adapters") / name)
    lines, routing = package.routing(), package.manifest.routing
    return AdapterExamples(
        name,
        routing.keywords,
        routing.minimum_confidence,
        tuple(line.text for line in lines if line.mine),
        tuple(line.text for line in lines if not line.mine),
    )


@cache
def router(names: tuple[str, ...]) -> Router:
    return Router.of(fit_router([examples(name) for name in names], everyday_questions()))


def share_right(names: Sequence[str], adapters: set[str | None]) -> float:
    asked = [question for question in HELD_OUT if question.adapter in adapters]
    return statistics.mean(router(tuple(names)).decide(q.text).adapter == q.adapter for q in asked)


def test_the_held_out_questions_are_in_no_shipped_list() -> None:
    known = {text.casefold() for text in everyday_questions()}
    for name in TINY + PROMPT_ONLY:
        known |= {text.casefold() for text in (*examples(name).mine, *examples(name).not_mine)}
    assert not [question.text for question in HELD_OUT if question.text.casefold() in known]


def test_the_everyday_list_is_long_varied_and_without_repetition() -> None:
    texts = everyday_questions()
    assert len(texts) >= 300
    assert len({text.casefold() for text in texts}) == len(texts)
    assert len({text.split()[0].casefold() for text in texts}) >= 60


def test_with_the_tiny_adapters_nearly_all_held_out_questions_go_where_they_belong() -> None:
    assert share_right(TINY, {*TINY, None}) >= 0.92
    assert share_right(TINY, {None}) >= 0.98


def test_with_all_adapters_nine_in_ten_held_out_questions_go_where_they_belong() -> None:
    assert share_right(TINY + PROMPT_ONLY, {*TINY, *PROMPT_ONLY, None}) >= 0.88


REMARKS = (
    "hello", "thanks", "please", "Good morning", "thanks so much for that", "good afternoon", "howdy", "hello my friend",
    "please please", "yeah", "nah", "thanks, bye", "cheers", "hi again", "ok thanks", "you too", "danke", "hola", "asdf", "lol",
)  # fmt: skip


@pytest.mark.parametrize("names", [TINY, *((name,) for name in TINY), TINY + PROMPT_ONLY])
def test_short_remarks_are_nobodys_whatever_is_installed(names: tuple[str, ...]) -> None:
    assert {text: found for text in REMARKS if (found := router(names).decide(text).adapter) is not None} == {}


@pytest.mark.parametrize("count", [5, 20])
def test_short_remarks_are_nobodys_beside_an_adapter_of_few_examples(count: int) -> None:
    few = AdapterExamples("few", mine=PLANETS[:count])
    for others in ([], [examples(name) for name in TINY]):
        ready = Router.of(fit_router([*others, few], everyday_questions()))
        assert {text: found for text in REMARKS if (found := ready.decide(text).adapter) is not None} == {}


def test_questions_of_subjects_that_are_not_installed_go_to_the_base() -> None:
    asked = [question for question in HELD_OUT if question.adapter in PROMPT_ONLY]
    assert statistics.mean(router(TINY).decide(q.text).adapter is None for q in asked) >= 0.9


def test_confidence_is_near_the_share_that_is_right() -> None:
    decisions = [(router(TINY + PROMPT_ONLY).decide(q.text), q.adapter) for q in HELD_OUT]
    mean_confidence = statistics.mean(decision.confidence for decision, _ in decisions)
    right = statistics.mean(decision.adapter == adapter for decision, adapter in decisions)
    assert mean_confidence == pytest.approx(right, abs=0.05)


@pytest.mark.parametrize("text", ["What is 17 + 25? " * 60_000, "x" * 1_000_000, "😀" * 300_000])
def test_a_megabyte_keeps_nobody_waiting(text: str) -> None:
    ready = router(TINY)
    assert min(ready.decide(text).route_ms for _ in range(5)) <= 1000


def test_the_example_questions_of_the_prompt_only_packages_are_many_and_distinct() -> None:
    for name in PROMPT_ONLY:
        mine, not_mine = examples(name).mine, examples(name).not_mine
        assert len(mine) >= 60
        assert len(not_mine) >= 20
        assert len({json.dumps(text.casefold()) for text in mine + not_mine}) == len(mine) + len(not_mine)
