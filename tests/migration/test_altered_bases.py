"""Seven altered bases x four adapters: the verdict that was expected is given, and it is true."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import altered_bases, verdict_table
from support.verdict_table import ADAPTERS, ALTERED, EXPECTED, TinyMeasure, verdicts

SEEDS = int(os.environ.get("LOCOMAN_TEST_SEEDS", "1"))
"""How many altered bases are made of each kind; random changes and the bootstrap are drawn anew in each."""


@pytest.mark.parametrize("change", ALTERED)
def test_each_adapter_is_told_what_becomes_of_it_as_the_docs_say(change: str) -> None:
    for seed in range(SEEDS):
        found = verdicts(change, seed)
        assert tuple(found[adapter].verdict for adapter in ADAPTERS) == EXPECTED[change], (seed, found)
        (row,) = (line for line in verdict_table.shown().splitlines() if line.startswith(f"| {change} |"))
        assert row == verdict_table.render({change: found}).splitlines()[-1]


def test_the_table_has_all_rows() -> None:
    assert len(verdict_table.shown().splitlines()) == 2 + len(ALTERED)


@pytest.mark.parametrize("change", ["other tokenizer", "another model of the same shape"])
def test_what_is_ruled_out_unasked_would_have_been_nonsense(tmp_path: Path, change: str) -> None:
    base = ALTERED[change](tmp_path / "base", 11)
    for adapter, verdict in zip(ADAPTERS, EXPECTED[change], strict=True):
        if verdict == "obsolete":
            continue  # the base knows it by itself, and a LoRA that means nothing to it leaves that alone
        asked = TinyMeasure(adapter, base).of("adapter on new", 30)
        assert sum(asked) / len(asked) < 0.2, adapter


def test_a_template_that_writes_the_same_in_other_words_moves_every_adapter(tmp_path: Path) -> None:
    text = (altered_bases.TINY / "chat_template.jinja").read_text("utf-8")
    base = altered_bases.other_template(tmp_path / "base", 0, "{# the same #}" + text)
    verdict = verdict_table.check_adapter(altered_bases.words(), base.candidate, TinyMeasure("words", base, 60))
    assert (verdict.verdict, verdict.decided_by) == ("compatible", "behaviour")
    found = verdict.at("template")
    assert found is not None
    assert found.finding.outcome == "concern"


def test_on_the_base_that_ships_for_a_following_year_four_adapters_get_four_verdicts() -> None:
    found = verdict_table.next_verdicts()
    told = {adapter: verdict.verdict for adapter, verdict in found.items()}
    assert told == {"arithmetic": "retrain", "dates": "compatible", "units": "obsolete", "words": "recheck"}
    page = (altered_bases.TINY.parents[1] / "docs" / "loco-tiny.md").read_text("utf-8")
    for adapter, verdict in found.items():
        assert f"| {adapter} | " in page
        assert any(
            row.startswith(f"| {adapter} |") and row.endswith(f"| {verdict.verdict} |") for row in page.splitlines()
        )
