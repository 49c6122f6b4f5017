"""The host as other programs see it: plain HTTP."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from support.tiny_home import HomeMaker, TinyHome

from locoman import __version__
from locoman.contracts import ServedBase

HELLO = {"model": "alpha", "messages": [{"role": "user", "content": "hello there"}]}
CHAT = "/v1/chat/completions"


def error_of(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    return error


def events_of(text: str) -> list[Any]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def test_health_is_open_and_tells_the_version_but_no_key(shared_home: TinyHome) -> None:
    address = shared_home.ensure()
    response = httpx.get(f"{address.url}/health", trust_env=False)
    assert response.json() == {"status": "ok", "version": __version__, "nonce": address.nonce}


@pytest.mark.parametrize("method_path", ["GET /v1/models", f"POST {CHAT}", "GET /locoman/v1/resident"])
@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer", "Basic abc", "Bearer xxxxxxxxx"])
def test_without_the_key_nothing_is_answered(http: httpx.Client, method_path: str, given: str | None) -> None:
    method, path = method_path.split()
    request = http.build_request(method, path)
    del request.headers["Authorization"]
    if given is not None:
        request.headers["Authorization"] = given
    response = http.send(request)
    assert response.status_code == 401
    assert error_of(response)["type"] == "authentication_error"


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Host": ""}, {"Host": "[::"}]
)
def test_a_foreign_host_name_is_refused(http: httpx.Client, headers: dict[str, str]) -> None:
    assert http.get("/v1/models", headers=headers).status_code == 403
    assert http.get("/health", headers=headers).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_a_web_page_from_elsewhere_is_refused(http: httpx.Client, origin: str) -> None:
    assert http.post(CHAT, json=HELLO, headers={"Origin": origin}).status_code == 403


def test_a_page_of_this_machine_may_ask(http: httpx.Client) -> None:
    headers = {"Host": "localhost:1234", "Origin": "http://localhost:3000"}
    assert http.post(CHAT, json=HELLO, headers=headers).status_code == 200


def test_models_are_auto_the_base_and_every_adapter(http: httpx.Client) -> None:
    names = [model["id"] for model in http.get("/v1/models").json()["data"]]
    assert names == ["auto", "base", "alpha", "beta", "gamma", "delta"]


def test_a_whole_answer_has_text_usage_and_our_extension(http: httpx.Client) -> None:
    document = http.post(CHAT, json=HELLO).json()
    assert document["object"] == "chat.completion"
    assert document["choices"][0]["finish_reason"] == "length"
    assert len(document["choices"][0]["message"]["content"]) == 12
    usage = document["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert "cached_tokens" in usage["prompt_tokens_details"]
    extension = document["locoman"]
    assert extension["served"]["adapter"] == "alpha"
    assert set(extension["timing"]) == {"route_ms", "load_ms", "ttft_ms", "total_ms", "tokens_per_second"}
    assert extension["usage"]["completion_tokens"] == 12


def test_a_stream_and_a_whole_answer_have_the_same_text(http: httpx.Client) -> None:
    events = events_of(http.post(CHAT, json={**HELLO, "stream": True}).text)
    streamed = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert streamed == http.post(CHAT, json=HELLO).json()["choices"][0]["message"]["content"]
    assert events[0]["locoman"]["served"]["adapter"] == "alpha"
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert events[-1]["choices"][0]["finish_reason"] == "length"
    assert events[-1]["locoman"]["timing"]["total_ms"] > 0
    assert len({event["id"] for event in events}) == 1


def test_malformed_json_is_a_400(http: httpx.Client) -> None:
    response = http.post(CHAT, content=b'{"messages": [')
    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


def test_an_unknown_model_is_a_404_with_the_nearest_names(http: httpx.Client) -> None:
    response = http.post(CHAT, json={**HELLO, "model": "alfa"})
    assert response.status_code == 404
    error = error_of(response)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "alpha" in error["message"]


def test_too_long_a_question_is_a_400_before_any_stream_begins(http: httpx.Client) -> None:
    message = {"role": "user", "content": "x" * 2000}
    response = http.post(CHAT, json={"messages": [message], "stream": True})
    assert response.status_code == 400
    assert error_of(response)["code"] == "context_length_exceeded"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", CHAT, 405)])
def test_what_does_not_exist_is_told_in_the_same_shape(http: httpx.Client, method: str, path: str, status: int) -> None:
    response = http.request(method, path)
    assert response.status_code == status
    error_of(response)


def test_garbage_instead_of_http_harms_nobody(http: httpx.Client) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port or 0), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        connection.recv(1000)
    assert http.get("/health").status_code == 200


def test_a_full_queue_answers_429_with_retry_after(make_home: HomeMaker, base: ServedBase) -> None:
    home = make_home(queue_limit=1)
    home.ask("hello")
    with home.client() as client, ThreadPoolExecutor(16) as pool:
        slow = {**HELLO, "max_tokens": 400}
        responses = list(pool.map(lambda _: client.post(CHAT, json=slow), range(32)))
    refused = [response for response in responses if response.status_code != 200]
    assert refused
    assert {response.status_code for response in refused} == {429}
    assert all(int(response.headers["Retry-After"]) >= 1 for response in refused)
    assert len({response.text.count("hello") for response in responses if response.status_code == 200}) == 1
