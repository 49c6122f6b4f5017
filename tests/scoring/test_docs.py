"""docs/scorers.md tells every scorer and every option, and its examples work."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from locoman.scoring import SCORERS, check_scorer

PAGE = (Path(__file__).parents[2] / "docs" / "scorers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(SCORERS))
def test_a_scorer_is_in_the_table_and_has_all_its_options_told(name: str) -> None:
    assert f"| `{name}` |" in PAGE
    section = next(part for part in PAGE.split("\n## ") if name in re.split(r", ", part.splitlines()[0]))
    for field in msgspec.structs.fields(SCORERS[name].options):
        assert f"`{field.encode_name}`" in section, f"{field.encode_name} of {name}"


def test_the_examples_are_options_that_there_are() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        table = tomllib.loads(block)
        if "gate" in table:
            check_scorer(table["gate"]["scorer"], table["gate"]["options"])
        else:
            check_scorer(table["scorer"]["name"], table["scorer"]["options"])
