"""Probabilities of options: the arithmetic, and the ways to get them out of servers of every kind."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.loopback import Handler, LoopbackServer
from support.tiny_home import request

from locoman.engines.choosing import MAX_OPTIONS, Spelling, check_options, grammar, shares, spelled
from locoman.engines.openai import OpenAIEngine
from locoman.engines.scripted import ScriptedEngine
from locoman.errors import ContextExceeded, EngineLost, RequestRefused, UnknownName


def spelling(probability: float, *tokens: bytes | int) -> Spelling:
    return Spelling(tokens, math.log(probability) if probability else -math.inf)


def test_the_shares_of_options_add_up_to_one() -> None:
    assert shares([spelling(0.3, b"yes"), spelling(0.1, b"no")]) == pytest.approx((0.75, 0.25))


def test_what_goes_on_to_a_longer_option_does_not_count_for_the_shorter() -> None:
    one, ten, hundred = spelling(0.8, b"1"), spelling(0.6, b"1", b"0"), spelling(0.2, b"1", b"0", b"0")
    other = spelling(0.2, b"2")
    assert shares([one, ten, hundred, other]) == pytest.approx((0.2, 0.4, 0.2, 0.2))


def test_options_that_only_look_as_if_they_began_alike_do_not_touch_each_other() -> None:
    assert shares([spelling(0.5, b"1"), spelling(0.5, b"10")]) == pytest.approx((0.5, 0.5))


def test_improbable_options_are_still_compared() -> None:
    assert shares([Spelling((1,), -2000.0), Spelling((2,), -2000.0 + math.log(3))]) == pytest.approx((0.25, 0.75))
    assert shares([spelling(0.0, 1), spelling(0.0, 2)]) == (0.0, 0.0)
    assert shares([]) == ()


@pytest.mark.parametrize(
    "options", [["a", ""], ["a", "a"], ["x" * 1001], [str(i) for i in range(MAX_OPTIONS + 1)], ["\ud800"]]
)
def test_options_between_which_nobody_can_choose_are_refused(options: list[str]) -> None:
    with pytest.raises(RequestRefused):
        check_options(options)


def test_a_grammar_takes_every_character() -> None:
    assert grammar('a "b"\\\n\té😀') == 'root ::= "a \\"b\\"\\\\\\U0000000A\\U00000009é😀"'


def entry(token: str, probability: float, *top: tuple[str, float]) -> dict[str, Any]:
    others = [{"token": t, "bytes": list(t.encode()), "logprob": math.log(p)} for t, p in top]
    return {"token": token, "bytes": list(token.encode()), "logprob": math.log(probability), "top_logprobs": others}


def test_a_spelling_is_checked_against_the_option() -> None:
    assert spelled("ab", [entry("a", 0.5), entry("b", 0.5), entry("", 0.1)]).log_probability == pytest.approx(
        math.log(0.25)
    )
    for tokens in ([entry("a", 0.5)], [entry("abc", 0.5)], [{"token": "ab"}], [7]):
        with pytest.raises(EngineLost):
            spelled("ab", tokens)


# --- servers -------------------------------------------------------------------------------------------------------------

Reply = tuple[int, Any]


class _Handler(Handler):
    def do_POST(self) -> None:  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.owner.asked.append((self.path, body))
        status, document = self.owner.answer(self.path, body)
        self.reply(status, json.dumps(document).encode(), "application/json")


class Server(LoopbackServer):
    """Answers with what `answer` says."""

    handler = _Handler

    def __init__(self, answer: Callable[[str, dict[str, Any]], Reply]) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []


NOT_FOUND = (404, {"detail": "Not Found"})


def whole(*tokens: dict[str, Any]) -> Reply:
    return 200, {"choices": [{"message": {"content": ""}, "logprobs": {"content": list(tokens)}}]}


def choose(server: Server, *options: str, model: str = "math") -> Any:
    engine = OpenAIEngine(server.url)
    try:
        return engine.choose(request("which?", model), options)
    finally:
        engine.close()


def test_our_own_host_is_asked_once() -> None:
    with Server(lambda path, body: (200, {"probabilities": [0.25, 0.75]})) as server:
        assert choose(server, "a", "b") == (0.25, 0.75)
        ((path, body),) = server.asked
    assert path == "/locoman/v1/choose"
    assert (body["model"], body["options"]) == ("math", ["a", "b"])


@pytest.mark.parametrize("document", [{"probabilities": [1.0]}, {"probabilities": "x"}, {}, [], "x"])
def test_a_host_that_answers_something_else_is_lost(document: Any) -> None:
    with Server(lambda path, body: (200, document)) as server, pytest.raises(EngineLost):
        choose(server, "a", "b")


def test_our_hosts_errors_are_ours() -> None:
    unknown = {"message": "no", "code": "model_not_found", "locoman": {"kind": "adapter", "name": "math"}}
    with Server(lambda path, body: (404, {"error": unknown})) as server, pytest.raises(UnknownName):
        choose(server, "a", "b")
    long = {"message": "no", "code": "context_length_exceeded", "locoman": {"tokens": 9, "limit": 8}}
    with Server(lambda path, body: (400, {"error": long})) as server, pytest.raises(ContextExceeded):
        choose(server, "a", "b")


def test_another_server_is_made_to_write_each_option() -> None:
    worth = {"ab": [entry("a", 0.5), entry("b", 0.6)], "ac": [entry("a", 0.5), entry("c", 0.2)]}

    def answer(path: str, body: dict[str, Any]) -> Reply:
        if path != "/v1/chat/completions":
            return NOT_FOUND
        assert body["grammar"] == grammar(body["structured_outputs"]["choice"][0])
        return whole(*worth[body["structured_outputs"]["choice"][0]])

    with Server(answer) as server:
        assert choose(server, "ab", "ac") == pytest.approx((0.75, 0.25))


def test_of_a_server_that_cannot_be_made_to_the_alternatives_are_read() -> None:
    own = whole(
        entry("7", 0.6, ("7", 0.6), ("Paris", 0.25), ("Par", 0.05), ("No.", 0.05)),
        entry("0", 0.5, ("0", 0.5), ("1", 0.25), ("", 0.25)),
    )

    def answer(path: str, body: dict[str, Any]) -> Reply:
        return own if path == "/v1/chat/completions" and "grammar" not in body else (400, {"error": {"message": "?"}})

    with Server(lambda p, b: NOT_FOUND if "locoman" in p else answer(p, b)) as server:
        chosen = choose(server, "70", "71", "7", "Paris", "No", "Nobody")
        assert [path for path, _ in server.asked] == ["/locoman/v1/choose", *["/v1/chat/completions"] * 2]
    assert chosen == pytest.approx([p / 0.95 for p in (0.3, 0.15, 0.15, 0.3, 0.05, 0.0)])


def test_a_server_without_probabilities_says_so() -> None:
    silent = (200, {"choices": [{"message": {}}]})
    with (
        Server(lambda path, body: NOT_FOUND if "locoman" in path else silent) as server,
        pytest.raises(RequestRefused, match="how probable"),
    ):
        choose(server, "a", "b")


def test_what_worked_is_asked_first_the_next_time() -> None:
    def answer(path: str, body: dict[str, Any]) -> Reply:
        return NOT_FOUND if "locoman" in path else whole(entry(body["structured_outputs"]["choice"][0], 0.5))

    with Server(answer) as server:
        engine = OpenAIEngine(server.url)
        for _ in range(2):
            assert engine.choose(request("which?", "math"), ("a", "b")) == pytest.approx((0.5, 0.5))
        engine.close()
        assert [path for path, _ in server.asked].count("/locoman/v1/choose") == 1


def test_nothing_to_choose_from_is_asked_of_nobody() -> None:
    with Server(lambda path, body: NOT_FOUND) as server:
        assert choose(server) == ()
        assert server.asked == []


def test_a_script_chooses_the_longest_option_that_it_begins_with(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"question": "which?", "answer": "12 of them"}\n')
    engine = ScriptedEngine(path)
    assert engine.choose(request("which?"), ("1", "12", "3")) == (0.0, 1.0, 0.0)
    assert engine.choose(request("which?"), ("4", "5")) == (0.0, 0.0)
