"""Ollama's dialect over plain HTTP: what no client package shows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support.tiny_home import HomeMaker, TinyHome, soon

from locoman import __version__

HELLO = {"model": "alpha", "prompt": "hello there"}


def test_the_front_page_and_the_version_are_open_to_everybody(shared_home: TinyHome) -> None:
    url = shared_home.ensure().url
    with httpx.Client(base_url=url, trust_env=False) as stranger:
        assert stranger.get("/").text == "Ollama is running"
        assert stranger.head("/").status_code == 200
        document = stranger.get("/api/version").json()
        assert stranger.get("/api/tags").status_code == 401
    assert document["locoman"] == __version__
    assert all(part.isdecimal() for part in document["version"].split("."))


def test_a_stream_is_lines_of_json(http: httpx.Client) -> None:
    response = http.post("/api/generate", json=HELLO)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.text.endswith("\n")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    whole = http.post("/api/generate", json={**HELLO, "stream": False})
    assert whole.headers["content-type"] == "application/json"
    assert whole.json()["response"] == "".join(line["response"] for line in lines)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/api/chat", b'{"model": ', 400, "no JSON"),
        ("POST", "/api/generate", b"", 400, "no JSON"),
        ("POST", "/api/show", b"{}", 400, "model is missing"),
        ("POST", "/api/generate", b'{"model": "alfa", "prompt": "x"}', 404, "Did you mean alpha"),
        ("POST", "/api/generate", b'{"model": "alpha@9.9.9", "prompt": "x"}', 404, "not found"),
        ("POST", "/api/create", b"{}", 404, "locoman"),
        ("DELETE", "/api/delete", b"{}", 404, "locoman"),
        ("GET", "/api/chat", b"", 405, "not allowed"),
        ("POST", "/api/chat", b" " * 8_000_001, 413, "8 MB"),
    ],
)
def test_errors_have_ollamas_shape(
    http: httpx.Client, method: str, path: str, body: bytes, status: int, words: str
) -> None:
    response = http.request(method, path, content=body)
    assert response.status_code == status
    assert set(response.json()) == {"error"}
    assert words in response.json()["error"]


def test_a_missing_key_and_a_foreign_name_are_told_in_the_same_shape(http: httpx.Client) -> None:
    missing = http.get("/api/tags", headers={"Authorization": ""})
    foreign = http.get("/api/tags", headers={"Host": "evil.example"})
    assert (missing.status_code, foreign.status_code) == (401, 403)
    assert set(missing.json()) == set(foreign.json()) == {"error"}


def test_a_full_queue_is_a_429_with_retry_after(make_home: HomeMaker) -> None:
    home = make_home(queue_limit=1, max_slots=1)
    home.ask("hello")
    with home.client() as client, ThreadPoolExecutor(16) as pool:
        slow = {**HELLO, "options": {"num_predict": 400}, "stream": False}
        responses = list(pool.map(lambda _: client.post("/api/generate", json=slow), range(32)))
    refused = [response for response in responses if response.status_code != 200]
    assert {response.status_code for response in refused} == {429}
    assert all(int(response.headers["Retry-After"]) >= 1 for response in refused)
    assert all(set(response.json()) == {"error"} for response in refused)


def test_a_page_of_this_machine_may_read_the_answer(http: httpx.Client) -> None:
    origin = "http://localhost:3000"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-mine"}
    leave = http.options("/api/chat", headers={**asked, "Authorization": ""})
    assert leave.status_code == 204
    assert leave.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in leave.headers["Access-Control-Allow-Methods"]
    assert leave.headers["Access-Control-Allow-Headers"] == "x-mine"
    answer = http.post("/api/generate", json=HELLO, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in http.post("/api/generate", json=HELLO).headers


def test_a_page_from_elsewhere_gets_no_leave(http: httpx.Client) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    leave = http.options("/api/chat", headers=asked)
    assert leave.status_code == 403
    assert "Access-Control-Allow-Origin" not in leave.headers


def test_unloading_frees_the_memory_and_the_next_question_loads_again(make_home: HomeMaker) -> None:
    home = make_home(foreground=True, keep_alive=None)
    expected = home.text("hello there", "alpha")
    child = home.child_process()
    with home.client() as client:
        reason = client.post("/api/generate", json={"model": "alpha", "keep_alive": 0}).json()["done_reason"]
        assert reason == "unload"
        child.wait(15)
        assert soon(lambda: client.get("/api/ps").json() == {"models": []})
        assert client.post("/api/generate", json={"model": "alpha"}).json()["done_reason"] == "load"
        assert len(client.get("/api/ps").json()["models"]) == 5
    assert home.text("hello there", "alpha") == expected
