"""Saying that a question went to the wrong adapter: after ask, after chat, in a chat, and about a question of before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import Shell

from locoman.store.home import Home

WORD = "Spell the word cat."
SUM = "What is 17 + 25?"


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(json.dumps({"match": ".", "answer": "well"}))
    monkeypatch.setenv("LOCOMAN_ENGINE_KIND", "scripted")
    monkeypatch.setenv("LOCOMAN_ENGINE_SCRIPT", str(path))


def goes(shell: Shell, question: str) -> str | None:
    found: str | None = shell("route", question, "--json").document["adapter"]
    return found


def remarks(home: Home) -> list[tuple[str, str | None]]:
    if not home.feedback.exists():
        return []
    return [(line["text"], line["adapter"]) for line in map(json.loads, home.feedback.read_text().splitlines())]


def test_a_correction_can_be_corrected(copied: Home, shell: Shell) -> None:
    assert goes(shell, WORD) == "words"
    assert shell("ask", WORD).code == 0
    refused = shell("ask", "--wrong", "--should", "words")
    assert refused.code == 2
    assert "goes already: words" in refused.err
    assert shell("ask", "--wrong", "--should", "dates").code == 0
    assert goes(shell, WORD) == "dates"
    assert shell("ask", "--wrong", "--should", "dates").code == 2
    assert shell("ask", "--wrong", "--should", "words").code == 0
    assert goes(shell, WORD) == "words"
    assert shell("router", "learn", "--undo").code == 0
    assert shell("ask", "--wrong").code == 0
    assert goes(shell, WORD) is None


def test_it_is_about_the_last_question_however_it_was_asked(copied: Home, shell: Shell) -> None:
    assert shell("ask", WORD).code == 0
    assert shell("ask", "--model", "words", SUM).code == 0
    refused = shell("ask", "--wrong")
    assert refused.code == 2
    assert "chosen yourself" in refused.err
    assert remarks(copied) == []
    assert shell("ask", "--wrong", "--should", "base").code == 0
    assert shell("chat", stdin=f"{SUM}\nhow many days has a week?\n".encode()).code == 0
    assert shell("ask", "--wrong", "--should", "words").code == 0
    assert remarks(copied) == [(SUM, None), ("how many days has a week?", "words")]


@pytest.mark.parametrize("question", ["", "  ", "\n"])
def test_a_blank_question_teaches_nothing(copied: Home, shell: Shell, question: str) -> None:
    shell("ask", WORD)
    refused = shell("ask", "--wrong", "--should", "dates", question)
    assert refused.code == 2
    assert "empty" in refused.err
    assert remarks(copied) == []


def test_in_a_chat_it_is_said_with_a_slash(copied: Home, shell: Shell) -> None:
    typed = f"/wrong\n{WORD}\n/wrong wrods\n/wrong dates\n/wrong dates\n/adapter words\n{SUM}\n/wrong\n/clear\n/wrong words\n"
    result = shell("chat", stdin=typed.encode())
    assert result.code == 0
    said = result.err.splitlines()
    assert said[0] == "Nothing has been answered yet."
    assert "Did you mean words" in said[1]
    assert "goes to dates from now on, no longer to words" in said[2]
    assert "goes already: dates" in said[3]
    assert "chosen yourself" in said[5]
    assert "goes to words from now on, no longer to arithmetic" in said[7]
    assert remarks(copied) == [(WORD, "dates"), (SUM, "words")]


def test_a_follow_up_is_looked_at_in_its_conversation(copied: Home, shell: Shell) -> None:
    asked = f"{WORD}\nand why?\n"
    assert goes(shell, "and why?") is None
    shell("chat", stdin=asked.encode())
    refused = shell("ask", "--wrong", "--should", "words")
    assert refused.code == 2, "its conversation is of words, so there it goes already"
    assert shell("ask", "--wrong").code == 0
    assert remarks(copied) == [("and why?", None)]
