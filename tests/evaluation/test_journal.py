from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.errors import InvalidFile, StoreBusy
from locoman.evaluation.journal import CASES, Journal, RunHeader, RunSummary, read_run
from locoman.evaluation.results import CaseResult

HEADER = RunHeader(run="r", suite="sums", suite_digest="d", model="base", base="b", total=5)


def result(case: int, answer: str = "2") -> CaseResult:
    return CaseResult(case, f"What is {case}?", ("2",), answer, 1.0, metrics=(("f1", 0.5),))


def filled(folder: Path, count: int = 3) -> Path:
    with Journal(folder, HEADER) as journal:
        for case in range(count):
            journal.add(result(case), case + 0.5)
    return folder / CASES


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journals")


@given(st.integers(min_value=0))
def test_wherever_the_file_is_cut_the_whole_lines_before_are_kept(places: Path, cut: int) -> None:
    import shutil

    folder = places / "cut"
    shutil.rmtree(folder, ignore_errors=True)
    data = filled(folder).read_bytes()
    kept = cut % (len(data) + 1)
    (folder / CASES).write_bytes(data[:kept])
    whole = data[:kept].count(b"\n")
    assert len(read_run(folder).results) == whole
    with Journal(folder, HEADER) as journal:
        assert sorted(journal.done) == list(range(whole))
        journal.add(result(4), 9.0)
    again = read_run(folder)
    assert [r.case for r in again.results] == [*range(whole), 4]
    assert again.seconds == 9.0


def test_a_broken_line_in_the_middle_is_refused_with_its_number(tmp_path: Path) -> None:
    path = filled(tmp_path / "r")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"result": 3}\n' + lines[2])
    with pytest.raises(InvalidFile, match="no result of a case") as caught:
        read_run(tmp_path / "r")
    assert caught.value.line == 2


def test_a_run_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "r", HEADER),
        pytest.raises(StoreBusy),
        Journal(tmp_path / "r", HEADER),
    ):
        raise AssertionError


def test_results_come_back_as_they_went(tmp_path: Path) -> None:
    filled(tmp_path / "r", 2)
    with Journal(tmp_path / "r", HEADER) as journal:
        journal.finish(RunSummary(cases=2, score=1.0, ci95=(0.3, 1.0), metrics={}, seconds=2.0, finished="now"))
    stored = read_run(tmp_path / "r")
    assert stored.header == HEADER
    assert stored.results == (result(0), result(1))
    assert stored.summary is not None
    assert stored.summary.ci95 == (0.3, 1.0)


def test_the_key_changes_with_base_adapter_suite_and_options() -> None:
    from msgspec import structs

    changed = [
        {"base_fingerprint": "x"},
        {"adapter": "a@1.0.0"},
        {"adapter_digest": "x"},
        {"suite_digest": "x"},
        {"options": {"serial": True}},
    ]
    keys = {structs.replace(HEADER, **change).key for change in changed} | {HEADER.key}  # type: ignore[arg-type]
    assert len(keys) == 6
    assert structs.replace(HEADER, started="later", suite="renamed", run="other").key == HEADER.key
