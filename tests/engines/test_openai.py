"""The client against servers that are not ours, and against servers that misbehave."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.loopback import Handler, LoopbackServer
from support.tiny_home import request

from locoman.contracts import Chunk, Timing, Usage
from locoman.engines.openai import OpenAIEngine
from locoman.errors import EngineLost, EngineUnavailable, LocomanError, RequestRefused, UnknownName


class _ChatHandler(Handler):
    def do_POST(self) -> None:  # noqa: N802
        server: ChatServer = self.owner
        length = int(self.headers.get("content-length", 0))
        server.requests.append(
            (self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(self.rfile.read(length)))
        )
        if server.status != 200:
            self.reply(server.status, server.body, "application/json")
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(server.body)
        self.hang_up()

    def do_GET(self) -> None:  # noqa: N802
        self.reply(404, b'{"detail": "Not Found"}', "application/json")


class ChatServer(LoopbackServer):
    """Answers every question with the same bytes."""

    handler = _ChatHandler

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__()
        self.body = body
        self.status = status
        self.requests: list[tuple[str, dict[str, str], Any]] = []


def stream(*events: Any, done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def piece(text: str | None = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {"model": "math", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **fields}


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}


def ask(server: ChatServer, model: str = "math", **sampling: Any) -> list[Chunk]:
    engine = OpenAIEngine(server.url, "the-key")
    try:
        return list(engine.chat(request("hello", model, **sampling)))
    finally:
        engine.close()


def test_a_server_without_our_extension_is_served_by_whom_was_asked() -> None:
    body = stream(piece(""), piece("Hel"), piece("lo"), piece(None, "stop"), {"choices": [], "usage": USAGE})
    with ChatServer(body) as server:
        first, *texts, last = ask(server)
    assert first.served is not None
    assert (first.served.adapter, first.served.engine, first.served.base) == ("math", "openai", "math")
    assert [chunk.text for chunk in texts] == ["Hel", "lo"]
    assert last == Chunk(finish="stop", usage=Usage(5, 3, 2))


def test_the_request_carries_key_model_and_sampling() -> None:
    with ChatServer(stream(piece("x", "length"))) as server:
        ask(server, "tiny/auto", max_tokens=3, temperature=0.0, stop=("end",))
        ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer the-key"
    assert body["model"] == "tiny/auto"
    assert (body["max_tokens"], body["temperature"], body["stop"]) == (3, 0.0, ["end"])
    assert "seed" not in body
    assert body["stream"] is True


def whole(server: ChatServer) -> list[Chunk]:
    engine = OpenAIEngine(server.url)
    try:
        return list(engine.chat(replace(request("hello", "math"), whole=True)))
    finally:
        engine.close()


ANSWER = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "length"}], "usage": USAGE, "model": "m"}


def test_an_answer_that_nobody_reads_along_is_asked_for_in_one_piece() -> None:
    timings = {"prompt_ms": 8.0, "predicted_ms": 4.0, "predicted_per_second": 500.0}
    with ChatServer(json.dumps(ANSWER | {"timings": timings}).encode()) as server:
        first, text, last = whole(server)
        assert "stream" not in server.requests[0][2]
    assert first.served is not None
    assert first.served.adapter == "math"
    assert text.text == "Hello"
    assert last == Chunk(
        finish="length", usage=Usage(5, 3, 2), timing=Timing(ttft_ms=8.0, total_ms=12.0, tokens_per_second=500.0)
    )
    with ChatServer(json.dumps(ANSWER).encode()) as server:
        assert whole(server)[-1].timing is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": 3}}]}',
        json.dumps(ANSWER | {"timings": {"prompt_ms": "x"}}).encode(),
        json.dumps(ANSWER)[:-1].encode(),
    ],
)
def test_what_is_no_whole_answer_is_a_lost_engine(body: bytes) -> None:
    with ChatServer(body) as server, pytest.raises(EngineLost):
        whole(server)


def test_a_refusal_of_a_whole_answer_is_told() -> None:
    with ChatServer(b'{"error": {"message": "no"}}', 400) as server, pytest.raises(RequestRefused, match="no"):
        whole(server)


def test_the_address_may_end_with_v1() -> None:
    with ChatServer(stream(piece("x", "stop"))) as server:
        engine = OpenAIEngine(f"{server.url}/v1/")
        assert [chunk.text for chunk in engine.chat(request("hello", "base"))] == ["", "x", ""]
        assert server.requests[0][0] == "/v1/chat/completions"
        engine.close()


def test_carriage_returns_comments_and_other_fields_of_the_stream_are_fine() -> None:
    event = json.dumps(piece("x", "stop"))
    body = f": ping\r\nevent: message\r\nid: 1\r\ndata:{event}\r\n\r\n: ping\r\n\r\ndata: [DONE]\r\n\r\n".encode()
    with ChatServer(body) as server:
        assert [chunk.text for chunk in ask(server)] == ["", "x", ""]


def test_other_reasons_for_the_end_count_as_stop() -> None:
    with ChatServer(stream(piece("x", "content_filter"))) as server:
        assert ask(server)[-1].finish == "stop"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        stream(piece("half"), done=False),
        stream(piece("half")),
        b"data: {broken\n\n",
        b"data: 5\n\n",
        b"data: [" + b"[" * 50_000 + b"\n\n",
        stream({"choices": [5]}),
        stream({"choices": {"a": 1}}),
        stream({"choices": [{"delta": 7}]}),
        stream({"choices": [], "usage": {"prompt_tokens": 1}}),
        stream(piece("half"), {"error": {"message": "out of memory", "code": 500}}) + b"",
    ],
)
def test_a_stream_that_breaks_off_or_is_none_is_an_engine_lost(body: bytes) -> None:
    with ChatServer(body) as server, pytest.raises((EngineLost, RequestRefused)):
        ask(server)


def test_an_error_in_the_stream_is_told_in_its_words() -> None:
    body = stream(piece("half"), {"error": {"message": "out of memory", "code": "server_error"}})
    with ChatServer(body) as server, pytest.raises(LocomanError, match="out of memory"):
        ask(server)


def test_a_line_that_never_ends_is_not_read_for_ever() -> None:
    with ChatServer(b"data: " + b"x" * 3_000_000) as server, pytest.raises(EngineLost, match="not an answer"):
        ask(server)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, b'{"error": {"message": "The model `math` does not exist."}}', UnknownName, "math"),
        (400, b'{"error": {"message": "too long"}}', RequestRefused, "too long"),
        (500, b"<html>oops</html>", RequestRefused, "500"),
        (503, b"", RequestRefused, "503"),
        (401, b'{"error": "no"}', RequestRefused, "401"),
        (500, b"x" * 3_000_000, RequestRefused, "500"),
    ],
)
def test_a_refusal_is_told(status: int, body: bytes, kind: type[LocomanError], words: str) -> None:
    with ChatServer(body, status) as server, pytest.raises(kind, match=words):
        ask(server)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield port


def test_where_nobody_listens_the_engine_is_unavailable(closed_port: int) -> None:
    engine = OpenAIEngine(f"http://127.0.0.1:{closed_port}")
    with pytest.raises(EngineUnavailable, match=str(closed_port)):
        list(engine.chat(request("hello", "base")))
    assert engine.resident() is None
    engine.close()


@pytest.mark.parametrize("url", ["", "localhost", "ftp://localhost", "http://", "http://[::", "http://localhost:99999"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(EngineUnavailable):
        engine = OpenAIEngine(url)
        list(engine.chat(request("hello", "base")))


def test_a_server_that_stays_silent_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = OpenAIEngine(f"http://127.0.0.1:{silent.getsockname()[1]}", silence=0.2)
        with pytest.raises(EngineLost, match="no sign of life"):
            list(engine.chat(request("hello", "base")))
        engine.close()


def test_what_is_in_the_memory_of_other_servers_is_not_known() -> None:
    with ChatServer(b"") as server:
        engine = OpenAIEngine(server.url)
        assert engine.resident() is None
        engine.close()


def test_no_proxy_stands_between_us_and_this_machine(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with ChatServer(stream(piece("x", "stop"))) as server:
        assert ask(server)[-1].finish == "stop"
