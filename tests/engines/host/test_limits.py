"""Clients that are slow, send too much, or vanish: they harm nobody, and nothing of them stays."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psutil
import pytest
from support.tiny_home import HomeMaker, TinyHome, soon

from locoman.contracts import ServedBase

QUESTION = "hello there"
CHAT = "/v1/chat/completions"
OPENAI = {"model": "alpha", "messages": [{"role": "user", "content": QUESTION}], "stream": True, "max_tokens": 60}
OLLAMA = {"model": "alpha", "prompt": QUESTION, "options": {"num_predict": 60}}
DIALECTS = [(CHAT, OPENAI), ("/api/generate", OLLAMA)]


def connect(home: TinyHome) -> socket.socket:
    url = httpx.URL(home.ensure().url)
    return socket.create_connection((url.host, url.port or 0), timeout=30)


def message(home: TinyHome, path: str, document: object, length: int | None = None) -> bytes:
    body = json.dumps(document).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {home.ensure().key}\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    data = b""
    with suppress(ConnectionError):
        while piece := connection.recv(1 << 16):
            data += piece
    return data


def listens_alone(process: psutil.Process) -> bool:
    """Whether a process has no connection open but that on which it listens."""
    return len(process.net_connections()) == 1


@pytest.mark.parametrize("path", [CHAT, "/api/chat", "/api/show"])
def test_a_body_that_says_it_is_100_mb_is_refused_without_being_read(shared_home: TinyHome, path: str) -> None:
    with connect(shared_home) as connection:
        connection.sendall(message(shared_home, path, {}, length=100_000_000))
        begun = time.monotonic()
        answer = received(connection)
    assert b" 413 " in answer.splitlines()[0]
    assert b"larger than 8 MB" in answer
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("announced", [True, False])
def test_a_client_that_sends_100_mb_all_the_same_reads_why_they_are_refused(
    shared_home: TinyHome, announced: bool
) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    host = shared_home.host_process()
    before = host.memory_info().rss
    with shared_home.client() as client:
        headers = {"Content-Length": "100000000"} if announced else {}
        try:
            response = client.post(CHAT, content=pieces(), headers=headers)
        except httpx.WriteError:
            pass  # it was slow, and the host did not wait for the rest
        else:
            assert response.status_code == 413
            assert "8 MB" in response.json()["error"]["message"]
    assert host.memory_info().rss - before < 60_000_000
    assert shared_home.text(QUESTION)


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999", "12 12"])
def test_a_length_that_is_none_harms_nobody(shared_home: TinyHome, length: str) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shared_home.ensure().key}\r\n"
    with connect(shared_home) as connection:
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        assert received(connection).startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))
    assert shared_home.text(QUESTION)


def test_slow_writers_are_cut_and_told(make_home: HomeMaker) -> None:
    home = make_home(head_seconds=0.5, body_seconds=0.5)
    expected = home.text(QUESTION, "alpha")
    with connect(home) as silent, connect(home) as half_a_head, connect(home) as half_a_body:
        half_a_head.sendall(b"POST /v1/models HTTP/1.1\r\nHost: loc")
        half_a_body.sendall(message(home, CHAT, OPENAI, length=5000))
        assert home.text(QUESTION, "alpha") == expected
        assert received(silent) == received(half_a_head) == b""
        answer = received(half_a_body)
    assert b" 408 " in answer.splitlines()[0]
    assert b"did not arrive within" in answer


def test_a_slow_head_after_an_answer_is_cut_too(make_home: HomeMaker) -> None:
    home = make_home(head_seconds=0.5)
    with connect(home) as connection:
        for _ in range(2):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(1 << 16)
        time.sleep(0.7)  # an idle connection is not a slow one
        connection.sendall(b"GET /health HT")
        begun = time.monotonic()
        assert received(connection) == b""
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize(("path", "document"), DIALECTS)
def test_clients_that_vanish_at_any_point_leave_nothing(
    shared_home: TinyHome, path: str, document: dict[str, object]
) -> None:
    expected = shared_home.text(QUESTION, "alpha")
    host, child = shared_home.host_process(), shared_home.child_process()
    shared_home.engine.close()
    whole = message(shared_home, path, document)
    head = whole.index(b"\r\n\r\n")
    for sent in (0, 10, head, head + 4, head + 20, len(whole) - 1, len(whole)):
        with connect(shared_home) as connection:
            connection.sendall(whole[:sent])
    for read in (1, 20, 100, 200, 400, 600, 1000, 2000, 4000):
        with connect(shared_home) as connection:
            connection.sendall(whole)
            for _ in range(read):
                connection.recv(1)
    assert soon(lambda: listens_alone(host) and listens_alone(child))
    assert shared_home.child_process() == child
    assert shared_home.text(QUESTION, "alpha") == expected


def test_an_answer_of_which_nobody_takes_anything_more_is_stopped(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    expected = home.text(QUESTION, "alpha")
    child = home.child_process()
    with connect(home) as connection:
        connection.sendall(message(home, "/api/generate", {**OLLAMA, "options": {"num_predict": -1}}))
        connection.recv(100)
    assert home.text(QUESTION, "alpha") == expected
    used = child.cpu_times().user
    time.sleep(0.3)
    assert child.cpu_times().user - used < 0.1


def test_an_error_inside_a_stream_is_its_last_line(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    home.ask(QUESTION)
    with (
        home.client() as client,
        client.stream("POST", "/api/generate", json={**OLLAMA, "options": {"num_predict": -1}}) as response,
    ):
        lines = response.iter_lines()
        assert json.loads(next(lines))["done"] is False
        home.child_process().kill()
        last = json.loads(list(lines)[-1])
    assert set(last) == {"error"}
    assert "went away" in last["error"]


def test_the_address_deleted_under_a_running_host_comes_back(make_home: HomeMaker) -> None:
    home = make_home()
    expected = home.text(QUESTION, "alpha")
    address = home.ensure()
    home.files.address.unlink()
    assert home.text(QUESTION, "alpha") == expected
    assert home.ensure() == address
    home.files.address.write_bytes(b"\xff")
    assert soon(lambda: home.files.read_address() == address)
