"""A follow-up stays with its conversation's adapter, whatever the client speaks: loco-tiny in a real host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import Shell

from locoman.app import App
from locoman.engines.host.discover import find_host
from locoman.store.home import Home

Turns = Sequence[tuple[str, str]]
CASES = [
    pytest.param([], "What is 17 + 25?", "arithmetic", id="no conversation"),
    pytest.param([("What is 17 + 25?", "42")], "and why?", "arithmetic", id="a follow-up"),
    pytest.param([("How many metres are 4 km?", "4000 m")], "now with 30", "units", id="other numbers"),
    pytest.param(
        [("How many metres are 4 km?", "4000 m")], "And what is 12 + 9?", "arithmetic", id="other numbers, other topic"
    ),
    pytest.param(
        [("Spell the word planet.", "p-l-a-n-e-t"), ("and why?", "So.")], "again", "words", id="twice removed"
    ),
    pytest.param([("What is 17 + 25?", "42")], "Write the word table backwards.", "words", id="a new topic"),
    pytest.param([("What is 17 + 25?", "42")], "Thanks a lot!", None, id="thanks"),
    pytest.param([("Hello, how are you?", "I am fine.")], "and why?", None, id="after small talk"),
    pytest.param([("What is 17 + 25?", "42"), ("Spell planet.", "p")], "and why?", "words", id="the last topic"),
]


@pytest.fixture(scope="module")
def http(installed: Path) -> Iterator[httpx.Client]:
    """A client of the installed home's host."""
    with App.load(installed) as app:
        app.engine().choose(_ask("hello"), ["a"])  # starts the host
    home = Home(installed)
    address = find_host(home.run, home.locks)
    assert address is not None
    headers = {"Authorization": f"Bearer {address.key}"}
    with httpx.Client(base_url=address.url, headers=headers, timeout=60.0, trust_env=False) as client:
        yield client


def _ask(question: str) -> Any:
    from support.tiny_home import request

    return request(question, "base")


def messages(turns: Turns, question: str, system: str = "") -> list[dict[str, str]]:
    said = [{"role": "system", "content": system}] if system else []
    for asked, answered in turns:
        said += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return [*said, {"role": "user", "content": question}]


@pytest.mark.parametrize(("turns", "question", "adapter"), CASES)
def test_through_openais_endpoint(http: httpx.Client, turns: Turns, question: str, adapter: str | None) -> None:
    body = {"model": "auto", "messages": messages(turns, question), "max_tokens": 4}
    served = http.post("/v1/chat/completions", json=body).json()["locoman"]["served"]
    assert served.get("adapter") == adapter, served


@pytest.mark.parametrize(("turns", "question", "adapter"), CASES)
def test_through_ollamas_endpoint(http: httpx.Client, turns: Turns, question: str, adapter: str | None) -> None:
    body = {"model": "auto", "messages": messages(turns, question), "stream": False, "options": {"num_predict": 4}}
    served = http.post("/api/chat", json=body).json()["locoman"]["served"]
    assert served.get("adapter") == adapter, served


def test_in_a_stream_too(http: httpx.Client) -> None:
    said = messages([("What is 17 + 25?", "42")], "and why?")
    with http.stream("POST", "/v1/chat/completions", json={"model": "auto", "messages": said, "stream": True}) as found:
        first = next(line for line in found.iter_lines() if line.startswith("data:"))
    served = json.loads(first.removeprefix("data:"))["locoman"]["served"]
    assert (served["adapter"], served["stage"]) == ("arithmetic", "conversation")


def test_what_the_system_says_is_no_topic(http: httpx.Client) -> None:
    said = messages([], "and why?", system="What is 17 + 25?")
    served = http.post("/v1/chat/completions", json={"model": "auto", "messages": said, "max_tokens": 4}).json()
    assert served["locoman"]["served"].get("adapter") is None


def test_whoever_names_a_model_is_not_routed(http: httpx.Client) -> None:
    said = messages([("What is 17 + 25?", "42")], "and why?")
    for model, adapter in (("words", "words"), ("base", None)):
        found = http.post("/v1/chat/completions", json={"model": model, "messages": said, "max_tokens": 4}).json()
        assert found["locoman"]["served"].get("adapter") == adapter


def test_in_a_chat_on_the_command_line(shell: Shell, installed: Path) -> None:
    lines = ["What is 17 + 25?", "/stats", "and why?", "/stats", "Spell the word planet.", "/stats", "now with 30", "/stats",
             "/clear", "and why?", "/stats"]  # fmt: skip
    result = shell("chat", "--home", str(installed), stdin="\n".join(lines).encode())
    assert result.code == 0
    told = [line for line in result.out.splitlines() if "conversation" in line or "lexical" in line]
    assert [line.split()[0] for line in told] == ["arithmetic", "arithmetic", "words", "words", "base"]
    assert ["conversation" in line for line in told] == [False, True, False, True, False]
