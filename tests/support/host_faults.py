"""Seeded faults against a host under load: its engine killed, clients that vanish or are killed, cut and spoiled requests.

While they happen other clients go on asking, and each of their answers must be the one that the model gives when nothing
happens. A question may fail when the engine that was answering it was killed; then it is asked again, and must be answered.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psutil
from support.tiny_home import TinyHome

QUESTIONS = ("hello there", "what is seven times eight", "what is seven plus nine", "x" * 50)
MODELS = ("base", "alpha", "beta", "gamma", "delta")
TOKENS = 12
_PATIENCE = 60.0
Answers = dict[tuple[str, str], str]


@dataclass(slots=True)
class Tally:
    """What came of it. `wrong`: answers that were not the right ones; `unanswered`: questions that failed for good."""

    faults: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    retried: int = 0
    wrong: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)


def expected_answers(home: TinyHome) -> Answers:
    """Every model's answer to every question while nothing happens."""
    return {(m, q): home.text(q, m, max_tokens=TOKENS) for m in MODELS for q in QUESTIONS}


def run_faults(
    home: TinyHome, count: int, seed: int, load: int = 3, tell: Callable[[int], None] = lambda done: None
) -> Tally:
    """Does `count` faults to the host of `home` (which serves `MODELS`) while `load` clients ask it."""
    tally = Tally()
    right = expected_answers(home)
    before = _belongings(home)
    faults = _Faults(home, random.Random(seed))
    with _asking(home, right, load, seed, tally):
        for number in range(count):
            tally.faults[faults.one()] += 1
            tell(number + 1)
    faults.close()
    tally.wrong += [f"{case} afterwards" for case, text in expected_answers(home).items() if right[case] != text]
    tally.leaks += _leaks(home, before)
    return tally


@contextmanager
def _asking(home: TinyHome, right: Answers, load: int, seed: int, tally: Tally) -> Iterator[None]:
    """`load` clients that ask all the time, streaming or not."""
    over = threading.Event()
    lock = threading.Lock()

    def ask_on(number: int) -> None:
        rng = random.Random(seed * 1000 + number)
        with home.client() as client:
            while not over.is_set():
                case = (rng.choice(MODELS), rng.choice(QUESTIONS))
                text, tries = _insist(client, *case, stream=rng.random() < 0.5)
                with lock:
                    tally.answers += 1
                    tally.retried += tries - 1
                    if text is None:
                        tally.unanswered.append(str(case))
                    elif text != right[case]:
                        tally.wrong.append(f"{case}: {text!r}, not {right[case]!r}")

    threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(load)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _insist(client: httpx.Client, model: str, question: str, *, stream: bool) -> tuple[str | None, int]:
    """The answer, asked for again while the engine was lost or too many wait; and how many tries it took."""
    deadline = time.monotonic() + _PATIENCE
    tries = 0
    while time.monotonic() < deadline:
        tries += 1
        with suppress(_Failed, httpx.TransportError):
            return _answer(client, model, question, stream), tries
        time.sleep(0.05)
    return None, tries


class _Failed(Exception):
    """No whole answer came."""


def _answer(client: httpx.Client, model: str, question: str, stream: bool) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": TOKENS}
    response = client.post("/v1/chat/completions", json={**body, "stream": stream})
    if response.status_code in (429, 502, 503):
        raise _Failed
    assert response.status_code == 200, response.text
    if not stream:
        text: str = response.json()["choices"][0]["message"]["content"]
        return text
    events = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    if events[-1] != "[DONE]":
        raise _Failed
    deltas = [choice["delta"] for event in events[:-1] for choice in json.loads(event)["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


class _Faults:
    """Does one fault after the other, drawn by chance; most are cheap, few end a process."""

    def __init__(self, home: TinyHome, rng: random.Random) -> None:
        self._home = home
        self._rng = rng
        self._address = home.ensure()
        parts = urlsplit(self._address.url)
        self._where = (parts.hostname or "", parts.port or 0)
        self._open: list[socket.socket] = []

    def one(self) -> str:
        """Does one; returns its name."""
        kinds: Sequence[tuple[Callable[[], None], int]] = (
            (self.kill_engine, 2), (self.stop_engine, 1), (self.kill_client, 2), (self.vanish_in_the_stream, 12),
            (self.vanish_before_the_answer, 8), (self.cut_the_request, 10), (self.spoil_the_body, 8),
            (self.spoil_the_protocol, 6), (self.send_too_much, 3), (self.read_nothing, 3), (self.ask_the_impossible, 5),
        )  # fmt: skip
        (kind,) = self._rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        kind()
        return kind.__name__.replace("_", " ")

    def close(self) -> None:
        """Hangs up what was left open."""
        for connection in self._open:
            connection.close()

    def kill_engine(self) -> None:
        for child in self._engines():
            with suppress(psutil.Error):
                child.kill()

    def stop_engine(self) -> None:
        """It hangs for a moment and goes on."""
        for child in self._engines():
            with suppress(psutil.Error):
                child.suspend()
                time.sleep(self._rng.uniform(0.05, 0.5))
                child.resume()

    def kill_client(self) -> None:
        """A process that asks for a long answer is killed."""
        program = "import sys, time, socket as s; c = s.create_connection((sys.argv[1], int(sys.argv[2])));"
        program += "c.sendall(sys.stdin.buffer.read()); print(flush=True); time.sleep(60)"
        command = [sys.executable, "-S", "-c", program, self._where[0], str(self._where[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            assert client.stdin is not None and client.stdout is not None
            client.stdin.write(self._request(max_tokens=400))
            client.stdin.close()
            client.stdout.readline()
            time.sleep(self._rng.uniform(0, 0.05))
            client.kill()

    def vanish_in_the_stream(self) -> None:
        with self._connection() as connection:
            connection.sendall(self._request(max_tokens=400))
            for _ in range(self._rng.randrange(1, 6)):
                if not connection.recv(self._rng.randrange(1, 2000)):
                    break
            self._hang_up(connection)

    def vanish_before_the_answer(self) -> None:
        with self._connection() as connection:
            connection.sendall(self._request(stream=self._rng.random() < 0.5))
            time.sleep(self._rng.uniform(0, 0.02))
            self._hang_up(connection)

    def cut_the_request(self) -> None:
        data = self._request()
        with self._connection() as connection:
            connection.sendall(data[: self._rng.randrange(1, len(data))])
            self._hang_up(connection)

    def spoil_the_body(self) -> None:
        head, body = self._request().split(b"\r\n\r\n")
        spoiled = bytearray(body)
        for _ in range(self._rng.randrange(1, 8)):
            spoiled[self._rng.randrange(len(spoiled))] = self._rng.randrange(256)
        self._send_all(head + b"\r\n\r\n" + bytes(spoiled))

    def spoil_the_protocol(self) -> None:
        data = bytearray(self._request())
        for _ in range(self._rng.randrange(1, 20)):
            data[self._rng.randrange(len(data) // 2)] = self._rng.randrange(256)
        self._send_all(bytes(data))

    def send_too_much(self) -> None:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._address.key}\r\n"
        self._send_all(head.encode() + b"Content-Length: 100000000\r\n\r\n" + b"x" * 9_000_000)

    def read_nothing(self) -> None:
        """A client that asks for much and takes nothing, until others have been at it for a while."""
        connection = self._connection()
        connection.sendall(self._request(max_tokens=400))
        self._open.append(connection)
        if len(self._open) > 4:
            self._open.pop(0).close()

    def ask_the_impossible(self) -> None:
        wrong: Sequence[dict[str, object]] = (
            {"model": "nobody"}, {"messages": []}, {"max_tokens": -1}, {"temperature": 99}, {"model": 7},
            {"messages": [{"role": "user", "content": "y" * 5000}]}, {"n": 3}, {"messages": "hello"},
        )  # fmt: skip
        self._send_all(self._request(**self._rng.choice(wrong)))

    def _engines(self) -> list[psutil.Process]:
        return self._home.host_process().children(recursive=True)

    def _request(self, **fields: object) -> bytes:
        body = {
            "model": self._rng.choice(MODELS), "stream": True, "max_tokens": TOKENS,
            "messages": [{"role": "user", "content": self._rng.choice(QUESTIONS)}],
        }  # fmt: skip
        data = json.dumps({**body, **fields}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._address.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data

    def _connection(self) -> socket.socket:
        return socket.create_connection(self._where, timeout=10)

    def _send_all(self, data: bytes) -> None:
        """Sends it, reads a little of what comes back and hangs up; a host that hangs up first is right, too."""
        with self._connection() as connection:
            connection.settimeout(0.5)
            with suppress(OSError):
                connection.sendall(data)
                connection.recv(1000)

    def _hang_up(self, connection: socket.socket) -> None:
        """Half of the time politely, else with a reset."""
        if self._rng.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass(frozen=True, slots=True)
class _Belongings:
    """What a host has that could leak: open files and connections, processes, names of files in its home."""

    descriptors: int
    processes: int
    files: frozenset[str]


def _belongings(home: TinyHome) -> _Belongings:
    root = home.files.run_dir.parent
    process = home.host_process()
    count = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    processes = len(process.children(recursive=True))
    return _Belongings(count, processes, frozenset(str(path.relative_to(root)) for path in root.rglob("*")))


def _leaks(home: TinyHome, before: _Belongings) -> list[str]:
    """What the host still has of what was done to it, when it had time to clear it up."""
    deadline = time.monotonic() + 15.0
    while (left := _left(home, before)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _left(home: TinyHome, before: _Belongings) -> list[str]:
    left = []
    with home.client() as client:
        residency = client.get("/locoman/v1/resident").json()
    if residency["idle_until"] is None:
        left.append("a request that never ends: the host is still busy")
    now = _belongings(home)
    if now.processes != before.processes:
        left.append(f"{now.processes} processes instead of {before.processes}")
    if now.descriptors > before.descriptors + 2:  # our own connection, and one that is about to close
        left.append(f"{now.descriptors - before.descriptors} open files")
    left += [f"the file {name}" for name in sorted(now.files - before.files) if not name.endswith((".log", ".1"))]
    return left
