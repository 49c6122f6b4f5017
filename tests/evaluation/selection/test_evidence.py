"""What is exported is read back strictly, joined by machine, and written as tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluations import candidate, evaluation, other_machine

from locoman.errors import InvalidFile
from locoman.evaluation.selection.evidence import read_evaluation
from locoman.evaluation.selection.lengths import lengths, needed, quantile, slope, spread, steps_to_share
from locoman.evaluation.selection.machine import this_machine
from locoman.evaluation.selection.merge import merge
from locoman.evaluation.selection.report import bases_report, merged_report
from locoman.reporting.markdown import render_markdown
from locoman.workflows.bases.notebook import encoded

WHOLE = evaluation(
    candidate("one", [1.0, 0.0], [1.0, 1.0], 20.0, rank_elsewhere=1), candidate("two", [0.0, 0.0], [1.0, 0.0], 30.0)
)


def test_an_evaluation_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "laptop.json"
    path.write_bytes(encoded(WHOLE))
    assert read_evaluation(path) == WHOLE


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format=2),
        lambda d: d.update(extra=1),
        lambda d: d["candidates"][0].update(name=""),
        lambda d: d["candidates"].append(d["candidates"][0]),
        lambda d: d["ranking"].update(order=["one", "three"]),
        lambda d: d["candidates"][0]["suites"]["suites"][0].update(score=2.0),
        lambda d: d["machine"].pop("cpu"),
    ],
)
def test_a_file_that_was_made_up_is_refused(tmp_path: Path, change: object) -> None:
    document = json.loads(encoded(WHOLE))
    change(document)  # type: ignore[operator]
    path = tmp_path / "laptop.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidFile):
        read_evaluation(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a":' * 5000])
def test_what_is_no_evaluation_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "laptop.json"
    path.write_text(text)
    with pytest.raises(InvalidFile):
        read_evaluation(path)


def test_the_page_has_the_ranking_its_evidence_and_every_step() -> None:
    page = render_markdown(bases_report(WHOLE))
    for text in ("## Ranking", "1. ", "95 % interval", "## The same quick adapter", "## In use", "A processor", "p = "):
        assert text in page


def test_laptops_stand_side_by_side() -> None:
    old = evaluation(candidate("one", speed=1.0), made="2026-11-01T00:00:00Z")
    new = evaluation(candidate("one", speed=2.0), made="2026-11-02T00:00:00Z")
    other = evaluation(candidate("one", speed=3.0), machine=other_machine("Another"))
    merged = merge([new, old, other])
    assert [row.machine.cpu for row in merged.rows] == ["A processor", "Another"]
    newest = merged.rows[0].candidate.practical
    assert newest is not None and newest.tokens_per_second.median == 2.0
    assert "Another, 4 cores, 8 GB" in render_markdown(merged_report(merged))


def test_the_same_name_for_other_weights_is_said() -> None:
    from msgspec import structs

    one, two = candidate("one"), candidate("one")
    found = merge(
        [
            evaluation(structs.replace(one, fingerprint="a")),
            evaluation(structs.replace(two, fingerprint="b"), machine=other_machine("x")),
        ]
    )
    assert found.odd and "one" in found.odd[0]


def test_a_machine_is_told_without_its_name() -> None:
    import platform

    found = this_machine()
    assert found.cores > 0 and found.memory_bytes > 10**8
    assert platform.node() not in f"{found.cpu} {found.system}".split()


numbers = st.lists(st.integers(0, 10**6), min_size=1, max_size=50)


@settings(deadline=None)
@given(numbers)
def test_a_distribution_is_ordered_and_within_its_texts(tokens: list[int]) -> None:
    found = lengths("x", tokens)
    assert min(tokens) <= found.p50 <= found.p95 <= found.longest == max(tokens)
    assert sum(t <= found.p95 for t in tokens) >= 0.95 * len(tokens)
    assert needed([found, lengths("y", [0])]) == found.p95


@settings(deadline=None)
@given(numbers, st.floats(0.01, 1.0))
def test_a_quantile_is_one_of_the_values(values: list[int], share: float) -> None:
    assert quantile(values, share) in values


def test_no_texts_need_no_context() -> None:
    assert needed([]) == 0 and spread([]).count == 0


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(-50, 50), st.integers(-1000, 1000))
def test_the_slope_of_a_line_is_its_own(count: int, step: int, start: int) -> None:
    assert slope([start + step * place for place in range(count)]) == pytest.approx(step, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=30))
def test_nine_tenths_of_the_fall_are_found_where_it_fell(losses: list[float]) -> None:
    points = list(enumerate(losses))
    found = steps_to_share(points, 0.9)
    if found is None:
        assert min(losses) >= losses[0]
    else:
        assert losses[found] <= losses[0] - 0.9 * (losses[0] - min(losses)) + 1e-9
        assert all(losses[n] > losses[0] - 0.9 * (losses[0] - min(losses)) for n in range(found))
