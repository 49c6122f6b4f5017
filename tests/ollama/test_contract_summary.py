"""What is told of the contract at the end of a run is counted, not promised."""

from __future__ import annotations

from support.contract_summary import FILE, summary_lines

CASE = f"tests/{FILE}::test_a_case"


def test_cases_are_counted_by_server_and_compared() -> None:
    lines = list(
        summary_lines(
            [
                (f"{CASE}_of_a_real_one[stand-in 0.33.0]", "passed"), (f"{CASE}_of_a_real_one[real]", "passed"),
                (f"{CASE}_with_a_name[a b-stand-in 0.33.0]", "passed"), (f"{CASE}_with_a_name[a b-real]", "skipped"),
                (f"{CASE}_of_a_version[stand-in 0.35.0]", "passed"), ("tests/test_docs.py::test_real[real]", "failed"),
            ]
        )
    )  # fmt: skip
    assert lines == [
        "real: 2 cases, 1 passed, 1 skipped",
        "stand-in 0.33.0: 2 cases, 2 passed",
        "stand-in 0.35.0: 1 cases, 1 passed",
        "2 cases ran on both, 1 with the same result, 0 on one alone",
        "  differs: test_a_case_with_a_name[a b-*]: passed on the stand-in, skipped on the real server",
    ]


def test_without_a_real_server_that_is_said() -> None:
    first, second = summary_lines([(f"{CASE}[stand-in 0.33.0]", "passed")])
    assert first == "stand-in 0.33.0: 1 cases, 1 passed"
    assert second.startswith("real: none here")


def test_where_no_case_ran_nothing_is_said() -> None:
    assert list(summary_lines([("tests/test_docs.py::test_real[real]", "passed")])) == []
