"""Picking: who is left, in which order, and who eliminated whom."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from support.choices import WISHES, subject, tuned

from locoman.catalog.licences import find_licence
from locoman.evaluation.selection.pick import judge, pick
from locoman.evaluation.selection.subject import Subject

GIGABYTE = 1_000_000_000
sizes = st.one_of(st.none(), st.integers(10_000_000, 9 * GIGABYTE))
made = st.builds(
    lambda rank, size, billions, licence, kind: subject(
        figures=(tuned(rank),) if rank else (),
        quantized_bytes=size,
        parameters=billions * 1e9,
        licence=licence,
        terms=find_licence(licence),
        kind=kind,
    ),
    st.integers(0, 9), sizes, st.floats(0.1, 10), st.sampled_from(["Apache-2.0", "Gemma", "?"]),
    st.sampled_from(["instruct", "base", ""]),
)  # fmt: skip


@st.composite
def models(draw: st.DrawFn) -> list[Subject]:
    return [replace(each, name=f"m{number}") for number, each in enumerate(draw(st.lists(made, max_size=8)))]


@settings(deadline=None)
@given(models(), st.one_of(st.none(), st.integers(1, 64)), st.randoms(use_true_random=False))
def test_everybody_is_ranked_or_eliminated_and_the_order_given_does_not_matter(
    subjects: list[Subject], gigabytes: int | None, chance: random.Random
) -> None:
    wishes = replace(WISHES, memory=gigabytes and gigabytes * GIGABYTE)
    first = pick(subjects, wishes)
    assert sorted(each.subject.name for each in (*first.ranked, *first.eliminated)) == sorted(s.name for s in subjects)
    assert all(each.failed for each in first.eliminated) and not any(each.failed for each in first.ranked)
    shuffled = list(subjects)
    chance.shuffle(shuffled)
    assert pick(shuffled, wishes) == first


@settings(deadline=None)
@given(models(), st.integers(1, 32), st.integers(0, 32))
def test_more_memory_never_eliminates_anybody(subjects: list[Subject], gigabytes: int, more: int) -> None:
    small = pick(subjects, replace(WISHES, memory=gigabytes * GIGABYTE))
    large = pick(subjects, replace(WISHES, memory=(gigabytes + more) * GIGABYTE))
    assert {e.subject.name for e in small.ranked} <= {e.subject.name for e in large.ranked}


def test_tunability_comes_first() -> None:
    better = subject("better", figures=(tuned(2),), languages_total=1)
    worse = subject("worse", figures=(tuned(3),), languages_total=200)
    unmeasured = subject("unmeasured", figures=())
    assert [e.subject.name for e in pick((worse, unmeasured, better), WISHES).ranked] == [
        "better",
        "worse",
        "unmeasured",
    ]


def test_speed_puts_the_fast_tier_first() -> None:
    small = subject("small", parameters=1.7e9, quantized_bytes=1_100_000_000, figures=(tuned(4),))
    large = subject("large")
    assert [e.subject.name for e in pick((large, small), WISHES).ranked] == ["large", "small"]
    assert [e.subject.name for e in pick((large, small), replace(WISHES, speed=True)).ranked] == ["small", "large"]


def test_the_fast_tier_serves_machines_with_4_gb() -> None:
    small = subject("small", parameters=1.7e9, quantized_bytes=1_100_000_000, figures=(tuned(4),))
    result = pick((subject("large"), small), replace(WISHES, memory=8 * GIGABYTE))
    assert result.ranked[0].subject.name == "large"
    assert result.fast == "small"


def test_with_nobody_to_choose_from_nobody_is_chosen() -> None:
    assert pick((), WISHES) == pick((), WISHES)
    assert judge((), WISHES) == ()
    assert pick((), WISHES).fast is None
