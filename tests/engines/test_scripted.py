from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from locoman.contracts import Chunk, Message, Request
from locoman.engines.scripted import ScriptedEngine
from locoman.errors import InvalidFile, RequestRefused, UnknownKey
from locoman.names import ModelName


def script(folder: Path, *entries: dict[str, Any]) -> ScriptedEngine:
    path = folder / "script.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), "utf-8")
    return ScriptedEngine(path)


def chunks(engine: ScriptedEngine, question: str, model: str = "auto") -> list[Chunk]:
    return list(engine.chat(Request((Message("user", question),), ModelName.parse(model))))


def text(engine: ScriptedEngine, question: str, model: str = "auto") -> str:
    return "".join(chunk.text for chunk in chunks(engine, question, model))


def test_an_answer_is_streamed_by_words_and_loses_nothing(tmp_path: Path) -> None:
    answer = "  One two,\n\nthree.  "
    engine = script(tmp_path, {"question": "Count", "answer": answer})
    first, *words, last = chunks(engine, "Count")
    assert first.served is not None
    assert len(words) == 3
    assert "".join(word.text for word in words) == answer
    assert last.finish == "stop"
    assert last.timing is not None
    assert last.usage is not None


def test_an_empty_answer_ends_properly(tmp_path: Path) -> None:
    assert text(script(tmp_path, {"question": "Nothing?", "answer": ""}), "Nothing?") == ""


def test_a_match_is_searched_and_the_first_entry_that_fits_answers(tmp_path: Path) -> None:
    entries = ({"match": r"\d \+ \d", "answer": "a sum"}, {"match": ".", "answer": "something"})
    engine = script(tmp_path, *entries)
    assert text(engine, "What is 2 + 2?") == "a sum"
    assert text(engine, "Hello") == "something"


def test_an_entry_with_a_model_answers_for_it_and_for_auto_as_it(tmp_path: Path) -> None:
    entries = ({"match": "2", "answer": "four", "model": "math"}, {"match": "2", "answer": "who knows"})
    engine = script(tmp_path, *entries)
    assert text(engine, "2 + 2", "math") == "four"
    assert text(engine, "2 + 2", "base") == "who knows"
    served = chunks(engine, "2 + 2")[0].served
    assert served is not None
    assert served.adapter == "math"


def test_without_an_answer_the_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="no answer"):
        text(script(tmp_path, {"question": "x", "answer": "y"}), "z")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"answer": "x"}, "question or a match"),
        ({"answer": "x", "question": "a", "match": "b"}, "question or a match"),
        ({"answer": "x", "match": "("}, "regular expression"),
        ({"question": "x"}, "answer"),
    ],
)
def test_what_cannot_be_a_script_is_refused(tmp_path: Path, entry: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        script(tmp_path, entry)


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownKey, match="anwser"):
        script(tmp_path, {"question": "x", "answer": "y", "anwser": "z"})
