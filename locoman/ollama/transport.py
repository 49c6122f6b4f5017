"""HTTP to one Ollama server: bounded in size and time, every failure one of ours."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import msgspec

from locoman.errors import MissingPrerequisite, OllamaRefused, OllamaUnavailable, UsageError
from locoman.ollama.address import is_loopback

T = TypeVar("T")
Body = dict[str, Any] | None

MAX_ANSWER_BYTES = 16 << 20
MAX_LINE_BYTES = 1 << 20
MAX_ANSWER_SECONDS = 60.0
_CONNECT_SECONDS = 3.0
_FULL = ("no space left on device", "not enough space on the disk", "disk quota exceeded")


class Event(msgspec.Struct):
    """A line of a streamed answer; `total` and `completed` in bytes."""

    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: str = ""


class Transport:
    """Keeps its connections. Methods raise only OllamaUnavailable, OllamaRefused and, where Ollama's disk is full,
    MissingPrerequisite. `read_seconds` is how long an answer may be silent, `silence` a streamed one or an upload."""

    def __init__(self, url: str, read_seconds: float, silence: float) -> None:
        """Raises UsageError for a URL that cannot be."""
        self.url = url.rstrip("/")
        self._read_seconds = read_seconds
        self._silence = silence
        try:
            # Ollama's own client never uses a proxy for loopback either; a proxy would answer with its own page.
            self._client = httpx.Client(base_url=self.url, trust_env=not is_loopback(self.url), follow_redirects=False)
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError(f"{url[:80]!r} cannot be Ollama's address.") from error

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def answer(self, method: str, path: str, operation: str, body: Body, kind: type[T]) -> T:
        """The answer's JSON as `kind`. `operation` completes "Ollama refused to ..."."""
        return self._decode(self.body(method, path, operation, body), kind, operation)

    def body(self, method: str, path: str, operation: str, body: Body) -> bytes:
        """The answer's bytes."""
        deadline = time.monotonic() + MAX_ANSWER_SECONDS
        with self._request(method, path, operation, self._read_seconds, json=body) as response:
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_ANSWER_BYTES:
                    raise self._strange(operation, f"is larger than {MAX_ANSWER_BYTES >> 20} MiB")
                if time.monotonic() > deadline:
                    raise OllamaUnavailable(self.url, f"its answer took longer than {MAX_ANSWER_SECONDS:.0f} seconds")
        return bytes(data)

    def send(self, path: str, operation: str, content: Iterator[bytes], size: int) -> None:
        """Posts `size` bytes and waits until they are taken."""
        headers = {"content-length": str(size), "content-type": "application/octet-stream"}
        with self._request("POST", path, operation, self._silence, (200, 201), content=content, headers=headers):
            return

    def events(self, path: str, operation: str, body: Body) -> Generator[Event, None, None]:
        """The lines of a streamed answer up to the one that tells an error, which is raised (status 200).

        Closing the iterator cuts the connection, by which Ollama stops the work.
        """
        with self._request("POST", path, operation, self._silence, json=body) as response:
            rest = b""
            for chunk in response.iter_bytes():
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    raise self._strange(operation, f"has a line longer than {MAX_LINE_BYTES >> 20} MiB")
                for line in filter(bytes.strip, lines):
                    yield self._event(line, operation)
            if rest.strip():
                yield self._event(rest, operation)

    def _event(self, line: bytes, operation: str) -> Event:
        event = self._decode(line, Event, operation)
        if event.error:
            raise self._refusal(operation, 200, event.error)
        return event

    @contextmanager
    def _request(
        self,
        method: str,
        path: str,
        operation: str,
        read_seconds: float,
        accepted: Sequence[int] = (200,),
        *,
        json: Body = None,
        content: Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """An accepted answer, still to be read; the one place where httpx's errors become ours."""
        timeout = httpx.Timeout(read_seconds, connect=_CONNECT_SECONDS)
        all_headers = {"accept-encoding": "identity", **(headers or {})}
        try:
            with self._client.stream(
                method, path, json=json, content=content, timeout=timeout, headers=all_headers
            ) as response:
                if "text/html" in response.headers.get("content-type", ""):
                    raise OllamaUnavailable(self.url, "a web page answers there, from a proxy or another program")
                if response.is_redirect:
                    raise OllamaUnavailable(self.url, "another program answers there and redirects elsewhere")
                if response.status_code not in accepted:
                    raise self._refusal(operation, response.status_code, _error_text(response))
                yield response
        except httpx.ConnectTimeout as error:
            raise OllamaUnavailable(self.url, f"no connection within {_CONNECT_SECONDS:.0f} seconds") from error
        except httpx.TimeoutException as error:
            raise OllamaUnavailable(self.url, f"no sign of life for {read_seconds:.0f} seconds") from error
        except httpx.ConnectError as error:
            raise OllamaUnavailable(self.url, "nothing listens there") from error
        except httpx.HTTPError as error:
            raise OllamaUnavailable(self.url, "the connection broke off") from error

    def _refusal(self, operation: str, status: int, message: str) -> OllamaRefused | MissingPrerequisite:
        if any(words in message.lower() for words in _FULL):
            return MissingPrerequisite(
                f"Ollama's disk is full: it could not {operation}.",
                "free some space where Ollama keeps its models, then type the same again",
            )
        return OllamaRefused(operation, status, message)

    def _decode(self, data: bytes, kind: type[T], operation: str) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._strange(operation, "is not what Ollama writes") from error

    def _strange(self, operation: str, what: str) -> OllamaUnavailable:
        return OllamaUnavailable(self.url, f"the answer of the program there, asked to {operation}, {what}")


class _Error(msgspec.Struct):
    error: str


def _error_text(response: httpx.Response) -> str:
    """What the body of a refusal says: Ollama's {"error": ...}, else its first line; "" without a body."""
    data = b""
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > MAX_LINE_BYTES:
            break
    try:
        return msgspec.json.decode(data, type=_Error).error[:1000]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines = data[:1000].decode("utf-8", "replace").strip().splitlines()
        return lines[0] if lines else ""
