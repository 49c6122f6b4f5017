"""The router on questions that it never learns from and that nobody tuned it on; see support/held_out.py."""

from __future__ import annotations

import collections

from support.encoder import real_encoder
from support.held_out import ADAPTERS, questions, run

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.routing.examples import everyday_questions
from locoman.routing.text import normalise

FIRST_RUN_WORDS = 83 - 1  # of 90, on the first run; one may be lost to another machine's rounding
FIRST_RUN_ENCODER = 87 - 1


def test_there_are_ten_for_each_adapter_and_twenty_that_are_nobodys() -> None:
    counts = collections.Counter(question.adapter for question in questions())
    assert counts[None] >= 20
    assert all(counts[name] >= 10 for name in ADAPTERS)


def test_none_of_them_is_in_a_shipped_list() -> None:
    known = {normalise(text) for text in everyday_questions()}
    for name in ADAPTERS:
        known |= {normalise(line.text) for line in read_package(shipped("adapters") / name).routing()}
    assert not [question.text for question in questions() if normalise(question.text) in known]


def test_words_alone_send_as_many_where_they_belong_as_on_the_first_run() -> None:
    outcome = run(questions(), None)
    assert outcome.right >= FIRST_RUN_WORDS, outcome.wrong


def test_with_the_encoder_as_many_go_where_they_belong_as_on_the_first_run() -> None:
    outcome = run(questions(), real_encoder())
    assert outcome.right >= FIRST_RUN_ENCODER, outcome.wrong
