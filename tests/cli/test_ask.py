"""ask and chat on the scripted engine: what is typed, printed and returned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import Shell

LINES = [
    {"match": "17 \\+ 25", "answer": "42", "model": "arithmetic"},
    {"question": "Say two lines", "answer": "one\ntwo"},
    {"match": "hello", "answer": "Hello there!"},
]


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)))
    monkeypatch.setenv("LOCOMAN_ENGINE_KIND", "scripted")
    monkeypatch.setenv("LOCOMAN_ENGINE_SCRIPT", str(path))


def test_an_answer_goes_to_stdout_and_nothing_else(shell: Shell) -> None:
    result = shell("ask", "What is 17 + 25?")
    assert (result.code, result.out, result.err) == (0, "42\n", "")


def test_words_need_no_quotes(shell: Shell) -> None:
    assert shell("ask", "well,", "hello", "you").out == "Hello there!\n"


def test_a_question_comes_from_stdin(shell: Shell) -> None:
    assert shell("ask", stdin=b"What is 17 + 25?\n").out == "42\n"
    assert shell("ask", "-", stdin="hello, Zoë".encode()).out == "Hello there!\n"


def test_json_prints_the_documented_object(shell: Shell) -> None:
    document = shell("ask", "--json", "What is 17 + 25?").document
    assert (document["answer"], document["adapter"]) == ("42", "arithmetic")
    assert {"answer", "adapter", "base", "engine", "confidence", "stage", "timing", "usage"} <= set(document)
    assert set(document["timing"]) == {"route_ms", "load_ms", "ttft_ms", "total_ms", "tokens_per_second"}
    assert set(document["usage"]) == {"prompt_tokens", "cached_tokens", "completion_tokens"}


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("ask", ""), None),
        (("ask", "  \n "), None),
        (("ask",), b""),
        (("ask",), b"\xff\xfe question"),
        (("ask",), b"x" * ((4 << 20) + 1)),
        (("ask", "--model", "NO SUCH", "hello"), None),
        (("ask", "--temperature", "hot", "hello"), None),
        (("ask", "--no-such-flag", "hello"), None),
        (("aks", "hello"), None),
    ],
)
def test_bad_input_is_one_sentence_a_next_command_and_exit_2(
    shell: Shell, arguments: tuple[str, ...], stdin: bytes | None
) -> None:
    result = shell(*arguments, stdin=stdin)
    sentence, next_step, *rest = result.err.strip().splitlines()
    assert (result.code, result.out, rest) == (2, "", [])
    assert sentence
    assert next_step.startswith("Next: ")
    as_json = shell(*arguments, "--json", stdin=stdin)
    assert set(as_json.document["error"]) == {"message", "next", "code"}


def test_a_script_without_an_answer_says_so(shell: Shell) -> None:
    result = shell("ask", "something else")
    assert result.code == 1
    assert "no answer" in result.err


def test_chat_answers_line_by_line_and_obeys(shell: Shell) -> None:
    typed = (
        b"hello\n/stats\n/adapter arithmetic\n/base\n/clear\n/nonsense\n/help\nWhat is 17 + 25?\n/quit\nnever read\n"
    )
    result = shell("chat", stdin=typed)
    assert result.code == 0
    assert result.out.startswith("Hello there!\n")
    assert "tokens/s" in result.out
    assert "/clear" in result.out
    assert "There is no /nonsense" in result.err
    assert "never" not in result.out


def test_chat_goes_on_after_a_question_that_could_not_be_answered(shell: Shell) -> None:
    result = shell("chat", stdin=b"something else\nhello\n")
    assert result.code == 0
    assert "no answer" in result.err
    assert "Hello there!" in result.out


def test_a_question_may_begin_with_a_minus(shell: Shell) -> None:
    assert shell("ask", "-16 + 25, hello").out == "Hello there!\n"
    assert shell("ask", "-16", "+", "25, hello", "--quiet").out == "Hello there!\n"
    assert shell("ask", "--temperature", "-1", "hello").code == 2
    refused = shell("ask", "-x + 3", "hello")
    assert refused.code == 2
    assert '"--"' in refused.err
    assert shell("ask", "--", "-x + 3, hello").out == "Hello there!\n"
