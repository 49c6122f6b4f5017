"""The journal of a change of base survives kills and broken lines."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.errors import InvalidFile
from locoman.migration.journal import Journal


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal.jsonl")
    assert journal.entries() == ()
    journal.write("check", "words", "k1", {"verdict": "retrain"})
    journal.write("check", "words", "k2", {"verdict": "compatible"})
    assert [entry.key for entry in journal.entries()] == ["k1", "k2"]
    found = journal.last("check", "words")
    assert found is not None and found.data == {"verdict": "compatible"}
    found = journal.last("check", "words", "k1")
    assert found is not None and found.data == {"verdict": "retrain"}
    assert journal.last("check", "dates") is None


@given(st.integers(min_value=0, max_value=400))
def test_a_line_cut_anywhere_costs_that_line_alone(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = Journal(path)
    journal.write("check", "words", "first")
    whole = path.stat().st_size
    journal.write("check", "dates", "second")
    path.write_bytes(path.read_bytes()[: min(whole + cut, path.stat().st_size - 1)])
    assert [entry.key for entry in journal.entries()] in (["first"], ["first", "second"])
    journal.write("check", "units", "third")
    keys = [entry.key for entry in journal.entries()]
    assert keys[0] == "first" and keys[-1] == "third" and set(keys) <= {"first", "second", "third"}


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"x" * (3 << 20))
    with pytest.raises(InvalidFile, match="too long"):
        Journal(path).entries()
