"""The router on questions that it never learns from and that nobody tuned it on; see support/held_out.py."""

from __future__ import annotations

import collections

import numpy as np
from support.encoder import real_encoder
from support.held_out import ADAPTERS, questions, run

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import fit_router
from locoman.routing.stages.lexical import LexicalStage
from locoman.routing.stages.verdict import Demands
from locoman.routing.text import normalise

FIRST_RUN_WORDS = 83 - 1  # of 90, on the first run; one may be lost to another machine's rounding
FIRST_RUN_ENCODER = 86  # of this encoder; of the one before it 87


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


def test_with_few_examples_as_many_unseen_questions_are_kept_as_is_meant() -> None:
    """Twenty of each shipped adapter's questions are learned from; the share of the others that an adapter gets."""
    random = np.random.default_rng(0)
    kept = []
    for _ in range(3):
        adapters, unseen = [], []
        for folder in sorted(path for path in shipped("adapters").iterdir() if path.is_dir()):
            texts = random.permutation([line.text for line in read_package(folder).routing() if line.mine]).tolist()
            adapters.append(AdapterExamples(folder.name, mine=tuple(texts[:20])))
            unseen += texts[20:]
        learnt = fit_router(adapters, everyday_questions()).learnt
        assert learnt is not None
        stage = LexicalStage(learnt, Demands({}))
        kept += [stage.judge(text).somebody[0] >= 0.5 for text in unseen]
    assert 0.93 <= np.mean(kept) <= 0.98
