"""Whatever stands in a package's files, it is criticised and not fallen over."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.catalog.shelf import Shelf, shipped
from locoman.store.home import Home
from locoman.workflows.authoring.check import check_package

SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))
FILES = ("adapter.toml", "train.jsonl", "eval.jsonl", "routing.jsonl", "README.md")
LINES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"{}", b"[]", b"null", b'{"question": 1, "answer": 2}', b'{"text": "x", "mine": 1}', b"\xff", b'"\\ud800"']
    ),
    st.text(max_size=20).map(lambda text: json.dumps({"question": text, "answer": "a"}).encode()),
)


@given(st.sampled_from(FILES), st.lists(LINES, max_size=4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_spoiled_files_give_findings(name: str, lines: list[bytes], append: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "code"
        shutil.copytree(shipped("adapters") / "code", folder)
        before = (folder / name).read_bytes() if append else b""
        (folder / name).write_bytes(before + b"\n".join(lines))
        criticism = check_package(folder, Home(Path(place) / "home"), SHELF)
        assert all(finding.sentence and "\n" not in finding.sentence for finding in criticism.findings)


@pytest.mark.parametrize("name", FILES[1:4])
def test_a_folder_in_the_place_of_a_file_is_told(name: str, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    shutil.copytree(shipped("adapters") / "code", folder)
    (folder / name).unlink()
    (folder / name).mkdir()
    assert any(finding.file == name for finding in check_package(folder, home, SHELF).findings)
