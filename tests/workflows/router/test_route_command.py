"""`locoman route` as it is typed: what it reads, what it prints, and how it says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import Shell

from locoman.store.home import Home

SUM = "What is 17 + 25?"


@pytest.mark.parametrize("question", ["-5 + 3", "- 5 + 3", "-(5 + 3)", "-5"])
def test_a_question_may_begin_with_a_minus(copied: Home, shell: Shell, question: str) -> None:
    plain = shell("route", "--json", "--", question).document
    for arguments in ((question, "--json"), ("--json", question), (*question.split(" "), "--json")):
        found = shell("route", *arguments).document
        assert (found["adapter"], found["candidates"]) == (plain["adapter"], plain["candidates"])


def test_what_looks_like_an_option_and_is_none_names_the_way_out(copied: Home, shell: Shell) -> None:
    result = shell("route", "-x + 3 = 5")
    assert result.code == 2
    assert '"--"' in result.err
    assert shell("route", "--", "-x + 3 = 5").code == 0


def test_lines_come_from_a_file_or_from_standard_input(copied: Home, shell: Shell, tmp_path: Path) -> None:
    text = f"{SUM}\n\nSpell the word cat.\n"
    file = tmp_path / "lines.txt"
    file.write_text(text)
    from_file, from_stdin = shell("route", "--file", str(file)), shell("route", "--file", "-", stdin=text.encode())
    assert from_file.out == from_stdin.out
    assert [line.split()[0] for line in from_file.out.splitlines()] == ["arithmetic", "words"]
    assert from_file.out.splitlines()[0].endswith(SUM)


def test_each_line_of_a_file_is_explained(copied: Home, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text(f"{SUM}\nSpell the word cat.\n")
    printed = shell("route", "--file", str(file), "--explain").out
    assert printed.count("nearest examples") == 2
    assert f"question  {SUM}" in printed
    lines = shell("route", "--file", str(file), "--explain", "--json").out.splitlines()
    assert [json.loads(line)["words_for"] for line in lines] == ["arithmetic", "words"]


def test_a_file_and_a_question_is_one_too_many(copied: Home, shell: Shell, tmp_path: Path) -> None:
    result = shell("route", "--file", str(tmp_path / "lines.txt"), SUM)
    assert result.code == 2
    assert "not both" in result.err


@pytest.mark.parametrize(
    ("wish", "by", "says"),
    [
        ("[minimum_confidence]\narithmetic = 0.9999\n", "minimum_confidence", "its minimum confidence asks for"),
        ("wrong_cost = 1000.0\n", "wrong_cost", "wrong_cost"),
    ],
)
def test_an_adapter_that_is_refused_is_named_with_what_was_demanded(
    copied: Home, shell: Shell, wish: str, by: str, says: str
) -> None:
    assert shell("route", SUM, "--json").document["refused"] is None
    copied.wishes.write_text(wish)
    assert shell("router", "fit").code == 0
    for option in ((), ("--explain",)):
        document = shell("route", *option, SUM, "--json").document
        assert document["adapter"] is None
        shares = {c["adapter"]: c["probability"] for c in document["candidates"]}
        assert document["confidence"] == shares[None]
        assert document["refused"]["adapter"] == "arithmetic"
        assert document["refused"]["probability"] == shares["arithmetic"] < document["refused"]["demanded"]
        assert document["refused"]["by"] == by
        refused = next(line for line in shell("route", *option, SUM).out.splitlines() if line.startswith("refused"))
        assert says in refused


def test_a_keyword_and_the_users_word_explain_themselves(copied: Home, shell: Shell) -> None:
    copied.wishes.write_text('[keywords]\nwords = ["capital", "big letter"]\n')
    assert shell("router", "fit").code == 0
    asked = "What is the capital of France?"
    printed = shell("route", "--explain", asked).out
    assert 'keyword   "capital" means words' in printed
    assert "threshold" not in printed
    document = shell("route", "--explain", asked, "--json").document
    assert (document["keyword"], document["scope"], document["words"], document["said"]) == ("capital", None, [], False)
    assert shell("ask", "--wrong", "--should", "dates", asked).code == 0
    printed = shell("route", "--explain", asked).out
    assert "you said so" in printed
    assert "threshold" not in printed
    assert "keyword" not in printed
    assert shell("route", "--explain", asked, "--json").document["said"] is True
