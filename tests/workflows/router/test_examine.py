"""`locoman router test` measures the router that is in force, and reads the same files as `router learn`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.command import Shell

from locoman.store.home import Home

FRANCE = "What is the capital of France?"
SUM = "What is 3 + 4?"
RUSSIAN = "Сколько будет 3 + 4?"


def lines(path: Path, *pairs: tuple[str, str | None]) -> str:
    path.write_text("\n".join(json.dumps({"text": text, "adapter": owner}) for text, owner in pairs))
    return str(path)


def goes(shell: Shell, questions: Sequence[str]) -> list[str | None]:
    return [shell("route", question, "--json").document["adapter"] for question in questions]


def test_keywords_demands_and_remarks_count_as_they_do_when_a_question_is_routed(
    copied: Home, shell: Shell, tmp_path: Path
) -> None:
    copied.wishes.write_text('[keywords]\nwords = ["capital"]\n[minimum_confidence]\narithmetic = 0.9999\n')
    assert shell("ask", "--wrong", "--should", "dates", "How many legs has a spider?").code == 0
    pairs: list[tuple[str, str | None]] = [(FRANCE, "words"), (SUM, None), ("How many legs has a spider?", "dates")]
    assert goes(shell, [text for text, _ in pairs]) == [owner for _, owner in pairs]
    found = shell("router", "test", lines(tmp_path / "asked.jsonl", *pairs), "--json").document
    assert (found["questions"], found["right"]) == (3, 3)
    assert (found["stage"], found["judged"]) == ("lexical", 3)
    assert found["kept_at_threshold"] < 1  # the stage by itself knows nothing of the keyword


def test_what_is_measured_is_what_is_routed_with_the_encoder_too(meaning: Home, shell: Shell, tmp_path: Path) -> None:
    meaning.wishes.write_text('[keywords]\nwords = ["capital"]\n')
    assert shell("router", "fit").code == 0
    questions = [
        FRANCE,
        SUM,
        RUSSIAN,
        "two dozen plus seven",
        "Hello there!",
        "日本の首都は",
        "Spell 'kayak' backwards",
    ]
    owners = goes(shell, questions)
    file = lines(tmp_path / "asked.jsonl", *zip(questions, owners, strict=True))
    found = shell("router", "test", file, "--json").document
    assert (found["questions"], found["right"]) == (len(questions), len(questions))
    assert (found["stage"], found["judged"]) == ("encoder", len(questions) - 2)
    assert "encoder stage by itself, on the 5" in shell("router", "test", file).out


def test_what_the_user_demands_counts_for_the_own_examples_too(copied: Home, shell: Shell) -> None:
    before = shell("router", "test", "--json").document
    copied.wishes.write_text("[minimum_confidence]\narithmetic = 1.0\n")
    after = shell("router", "test", "--json").document
    assert after["accuracy"] == before["accuracy"]
    assert after["right"] < before["right"]
    assert not [row for row in after["confusion"] if row["got"] == "arithmetic"]


def test_an_adapter_without_examples_is_known_and_its_keyword_counts(
    copied: Home, shell: Shell, tmp_path: Path
) -> None:
    package = copied.root / "adapters" / "words"
    (found,) = package.glob("*/routing.jsonl")
    found.write_text("")
    copied.wishes.write_text('[keywords]\nwords = ["spell"]\n')
    assert shell("router", "fit").code == 0
    measured = shell("router", "test", lines(tmp_path / "a.jsonl", ("Spell cat.", "words")), "--json").document
    assert (measured["right"], measured["accuracy"]) == (1, 0.0)


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ('{"text": "Spell cat."}', 1, "whose question"),
        ('{"text": "  ", "adapter": null}', 1, "without a question"),
        ('{"text": "Spell cat.", "adapter": "words", "domain": "dates"}', 1, "not the same"),
        ('{"text": "Spell cat.", "adapter": "wrods"}', 2, "Did you mean words"),
        ('{"text": "Spell cat.", "domain": "words"}', 0, ""),
        ('{"text": "Spell cat.", "domain": null, "intent": "x"}', 0, ""),
    ],
)
def test_a_line_means_the_same_to_whoever_reads_it(
    copied: Home, shell: Shell, tmp_path: Path, line: str, code: int, says: str
) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(line)
    for command in ("test", "learn"):
        result = shell("router", command, str(file))
        assert result.code == code, result.err
        assert says in result.err


def test_no_folder_is_made_for_a_diagram(copied: Home, shell: Shell, tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "x.svg"
    result = shell("router", "test", "--svg", str(place))
    assert result.code == 2
    assert "no folder" in result.err
    assert not place.parent.exists()


def test_an_arbiter_that_could_not_be_asked_anything_is_not_judged(copied: Home, shell: Shell, tmp_path: Path) -> None:
    printed = shell("router", "test", lines(tmp_path / "clear.jsonl", (SUM, "arithmetic")), "--arbiter").out
    assert "no question is close" in printed
    assert "is off" not in printed
    assert not copied.arbiters.exists()


def test_after_the_last_remark_is_forgotten_there_is_nothing_to_undo(copied: Home, shell: Shell) -> None:
    assert "Undo:" in shell("ask", "--wrong", "--should", "words", SUM).out
    printed = shell("router", "learn", "--undo").out
    assert "none is kept" in printed
    assert "Undo:" not in printed


def test_show_says_what_its_numbers_mean(copied: Home, shell: Shell) -> None:
    assert "wrong_cost is not set" in shell("router", "show").out
    copied.wishes.write_text("wrong_cost = 4.0\n")
    shell("router", "fit")
    printed = shell("router", "show").out
    assert "below 80% are not taken" in printed
    assert "a question is some adapter's from a scope of" in printed
