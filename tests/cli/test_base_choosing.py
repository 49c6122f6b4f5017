"""base compare and base pick, as a person and a program see them."""

from __future__ import annotations

import pytest
from support.command import Shell

from locoman.cli.base.pick import parse_language, parse_size
from locoman.errors import UsageError
from locoman.store.home import Home

CANDIDATE = """
format = 1
[[candidates]]
name = "own-1b"
title = "Our own"
kind = "instruct"
licence = "Apache-2.0"
facts = "we made it"
facts_date = "2026-10"
parameters_billion = 1.0
"""


def test_compare_lists_every_base_and_candidate(shell: Shell) -> None:
    result = shell("base", "compare")
    assert result.code == 0
    for name in ("loco-tiny", "qwen3-4b-instruct", "smollm2-135m-instruct", "gemma-2-9b-it"):
        assert name in result.out
    assert "fails licence" in result.out


def test_a_page_gives_reasons_figures_sources_and_dates(shell: Shell) -> None:
    result = shell("base", "compare", "llama-3.2-3b-instruct")
    for text in ("NO licence", "Built with Llama", "distil labs", "2025-06", "Llama 3.2 model card", "tokenizer"):
        assert text in result.out


def test_compare_as_json_holds_all_and_null_for_the_unknown(shell: Shell) -> None:
    (found,) = shell("base", "compare", "smollm2-135m-instruct", "--json").document["bases"]
    assert found["context"] is None and found["bytes_told"] is False
    assert {check["requirement"] for check in found["requirements"] if check["hard"]} == {
        "size", "instruct", "gguf", "licence", "maintained",
    }  # fmt: skip
    assert len(found["dimensions"]) == 6


def test_an_unknown_candidate_is_named_with_the_nearest(shell: Shell) -> None:
    result = shell("base", "compare", "qwen3-1b")
    assert result.code == 2
    assert "qwen3-1.7b" in result.err and "base compare" in result.err


def test_pick_ranks_and_says_who_eliminated_whom(shell: Shell) -> None:
    result = shell("base", "pick", "--memory", "8GB", "--use", "commercial", "--language", "de")
    assert result.code == 0
    assert result.out.startswith("1. qwen3-4b-instruct")
    assert "Eliminated" in result.out and "NO languages" in result.out
    assert "Next: locoman install --base qwen3-4b-instruct" in result.out


def test_pick_for_small_machines(shell: Shell) -> None:
    found = shell("base", "pick", "--memory", "4GB", "--json").document
    assert found["ranked"][0]["name"] == "qwen3-1.7b" == found["fast"]
    assert "qwen3-4b-instruct" in [each["name"] for each in found["eliminated"]]


def test_when_nobody_is_left_that_is_a_check_that_fell_short(shell: Shell) -> None:
    result = shell("base", "pick", "--memory", "100MB")
    assert result.code == 3 and "Next: locoman base pick" in result.err


def test_candidates_of_this_machine_join_those_that_ship(shell: Shell, home: Home) -> None:
    home.modelfiles.mkdir(parents=True)
    (home.modelfiles / "candidates.toml").write_text(CANDIDATE)
    assert "own-1b" in shell("base", "compare").out
    assert shell("base", "list").code == 0  # a file of candidates is no spec


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("facts_date", "facts_dat"), "facts_date"),
        (('licence = "Apache-2.0"', ""), "licence"),
        (("2026-10", "last week"), "facts_date"),
        (("own-1b", "Own 1B"), "cannot be the name"),
    ],
)
def test_a_broken_file_of_candidates_is_refused_by_name(
    shell: Shell, home: Home, change: tuple[str, str], words: str
) -> None:
    home.modelfiles.mkdir(parents=True)
    (home.modelfiles / "candidates.toml").write_text(CANDIDATE.replace(*change))
    result = shell("base", "compare")
    assert result.code == 1
    assert "candidates.toml" in result.err and words in result.err


@pytest.mark.parametrize(
    ("text", "size"), [("8GB", 8 * 10**9), ("8 gb", 8 * 10**9), ("512MB", 512 * 10**6), ("1.5GB", 1_500_000_000)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1GB", "0", "1e9", "8PB", "9999999999GB"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_size(text)


def test_languages_are_codes() -> None:
    assert parse_language(" DE ") == "de"
    with pytest.raises(UsageError):
        parse_language("German")
