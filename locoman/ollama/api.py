"""The few calls of Ollama's API that locoman needs, typed, bounded in size and time, every failure one of ours.

Over httpx rather than the `ollama` package: the package raises builtin ConnectionError here, httpx errors there,
loses the status of an error inside a stream, takes any proxy from the environment even for loopback, and bounds
neither sizes nor times.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import msgspec

from locoman.contracts import Progress, no_progress
from locoman.errors import OllamaRefused, OllamaUnavailable, UsageError
from locoman.ollama.address import is_loopback
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.modelfile import from_value

T = TypeVar("T")

MAX_ANSWER_BYTES = 16 << 20
MAX_LINE_BYTES = 1 << 20
MAX_ANSWER_SECONDS = 60.0
_CONNECT_SECONDS = 3.0
_READ_SECONDS = 30.0
# A pull is silent while Ollama checks the digest of what it fetched: seconds per GB on a slow disk.
_PULL_SILENCE_SECONDS = 600.0


class Details(msgspec.Struct, frozen=True):
    """What Ollama says of a model's file."""

    format: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization_level: str = ""


class Installed(msgspec.Struct, frozen=True):
    """A line of `ollama list`: `size` is the sum of all its layers in bytes, `digest` the manifest's sha256 in hex."""

    name: str
    size: int = 0
    digest: str = ""
    details: Details = Details()
    remote_host: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as /api/show tells it; `from_path` is the FROM of its Modelfile: for a local model, its weights."""

    name: str
    modelfile: str
    from_path: str | None
    template: str
    system: str
    details: Details
    capabilities: tuple[str, ...]
    remote_host: str


class OllamaApi:
    """A client of one Ollama server; keeps its connections. Methods raise only OllamaUnavailable and OllamaRefused."""

    def __init__(
        self, url: str, *, read_seconds: float = _READ_SECONDS, pull_silence: float = _PULL_SILENCE_SECONDS
    ) -> None:
        """`url` as `resolve_url` writes it; raises UsageError for one that cannot be."""
        self.url = url.rstrip("/")
        self._read_seconds = read_seconds
        self._pull_silence = pull_silence
        try:
            # Ollama's own client never uses a proxy for loopback either; a proxy would answer with its own page.
            self._client = httpx.Client(base_url=self.url, trust_env=not is_loopback(self.url), follow_redirects=False)
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError(f"{url[:80]!r} cannot be Ollama's address.") from error

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def __enter__(self) -> OllamaApi:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def version(self) -> str:
        """The server's version, as it says it."""
        return self._answer("GET", "/api/version", "tell its version", None, _Version).version

    def capabilities(self) -> Capabilities:
        """What this server can do."""
        return Capabilities.of(self.version())

    def tags(self) -> tuple[Installed, ...]:
        """The models that are there."""
        return self._answer("GET", "/api/tags", "list its models", None, _Tags).models

    def show(self, tag: str) -> Shown:
        """The model `tag`; OllamaRefused with status 404 when there is none."""
        shown = self._answer("POST", "/api/show", f"show {tag}", {"model": tag}, _Shown)
        return Shown(
            name=tag,
            modelfile=shown.modelfile,
            from_path=from_value(shown.modelfile),
            template=shown.template,
            system=shown.system,
            details=shown.details,
            capabilities=shown.capabilities,
            remote_host=shown.remote_host,
        )

    def pull(self, tag: str, progress: Progress = no_progress, *, insecure: bool = False) -> None:
        """Makes Ollama fetch `tag`.

        Ollama fetches layer by layer: `progress` counts the bytes of those seen so far, so its total can grow.

        Ends when Ollama says "success". What arrived before an interruption stays in Ollama and the next pull goes on
        from there.
        """
        operation = f"pull {tag}"
        layers: dict[str, tuple[int, int]] = {}
        with closing(self._events("/api/pull", operation, {"model": tag, "insecure": insecure})) as events:
            for event in events:
                if event.error:
                    raise OllamaRefused(operation, 200, event.error)
                if event.digest and event.total > 0:
                    layers[event.digest] = (min(max(event.completed, 0), event.total), event.total)
                    progress(*_sums(layers), "bytes")
                if event.status == "success":
                    if layers:
                        progress(_sums(layers)[1], _sums(layers)[1], "bytes")
                    return
        raise OllamaUnavailable(self.url, f"it stopped in the middle of the pull of {tag}")

    def delete(self, tag: str) -> None:
        """Removes `tag` and the blobs that no other model needs; OllamaRefused with status 404 when there is none."""
        self._body("DELETE", "/api/delete", f"delete {tag}", {"model": tag})

    def _answer(self, method: str, path: str, operation: str, body: dict[str, Any] | None, kind: type[T]) -> T:
        return self._decode(self._body(method, path, operation, body), kind, operation)

    def _body(self, method: str, path: str, operation: str, body: dict[str, Any] | None) -> bytes:
        deadline = time.monotonic() + MAX_ANSWER_SECONDS
        with self._request(method, path, operation, body, self._read_seconds) as response:
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_ANSWER_BYTES:
                    raise self._strange(operation, f"is larger than {MAX_ANSWER_BYTES >> 20} MiB")
                if time.monotonic() > deadline:
                    raise OllamaUnavailable(self.url, f"its answer took longer than {MAX_ANSWER_SECONDS:.0f} seconds")
        return bytes(data)

    def _events(self, path: str, operation: str, body: dict[str, Any]) -> Generator[_Event, None, None]:
        """The lines of a streamed answer. Closing the iterator cuts the connection, by which Ollama stops the work."""
        with self._request("POST", path, operation, body, self._pull_silence) as response:
            rest = b""
            for chunk in response.iter_bytes():
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    raise self._strange(operation, f"has a line longer than {MAX_LINE_BYTES >> 20} MiB")
                for line in filter(bytes.strip, lines):
                    yield self._decode(line, _Event, operation)
            if rest.strip():
                yield self._decode(rest, _Event, operation)

    @contextmanager
    def _request(
        self, method: str, path: str, operation: str, body: dict[str, Any] | None, read_seconds: float
    ) -> Iterator[httpx.Response]:
        """An answer of status 200, still to be read; the one place where httpx's errors become ours."""
        timeout = httpx.Timeout(read_seconds, connect=_CONNECT_SECONDS)
        try:
            with self._client.stream(
                method, path, json=body, timeout=timeout, headers={"accept-encoding": "identity"}
            ) as response:
                if "text/html" in response.headers.get("content-type", ""):
                    raise OllamaUnavailable(self.url, "a web page answers there, from a proxy or another program")
                if response.is_redirect:
                    raise OllamaUnavailable(self.url, "another program answers there and redirects elsewhere")
                if response.status_code != 200:
                    raise OllamaRefused(operation, response.status_code, _error_text(response))
                yield response
        except httpx.ConnectTimeout as error:
            raise OllamaUnavailable(self.url, f"no connection within {_CONNECT_SECONDS:.0f} seconds") from error
        except httpx.TimeoutException as error:
            raise OllamaUnavailable(self.url, f"no sign of life for {read_seconds:.0f} seconds") from error
        except httpx.ConnectError as error:
            raise OllamaUnavailable(self.url, "nothing listens there") from error
        except httpx.HTTPError as error:
            raise OllamaUnavailable(self.url, "the connection broke off") from error

    def _decode(self, data: bytes, kind: type[T], operation: str) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._strange(operation, "is not what Ollama writes") from error

    def _strange(self, operation: str, what: str) -> OllamaUnavailable:
        return OllamaUnavailable(self.url, f"the answer of the program there, asked to {operation}, {what}")


class _Version(msgspec.Struct):
    version: str


class _Tags(msgspec.Struct):
    models: tuple[Installed, ...]


class _Shown(msgspec.Struct):
    modelfile: str = ""
    template: str = ""
    system: str = ""
    details: Details = Details()
    capabilities: tuple[str, ...] = ()
    remote_host: str = ""


class _Event(msgspec.Struct):
    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: str = ""


class _Error(msgspec.Struct):
    error: str


def _sums(layers: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """(done, total) over all layers."""
    return sum(done for done, _ in layers.values()), sum(total for _, total in layers.values())


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
