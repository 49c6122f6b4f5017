"""The client for everything that speaks OpenAI's dialect: our host, vLLM, LoRAX, Ollama's /v1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from locoman.contracts import Chunk, Request, Residency
from locoman.engines.choosing import check_options
from locoman.engines.choosing_client import Way, ask_forced, ask_host, ask_seen
from locoman.engines.faults import error_of
from locoman.engines.openai_answers import read_usage, read_whole, served_by
from locoman.engines.wire import Extension, read_extension
from locoman.errors import EngineError, EngineLost, EngineUnavailable, LocomanError, RequestRefused
from locoman.names import ModelName

_MAX_LINE_BYTES = 1 << 20
_MAX_ERROR_BYTES = 1 << 20
_MAX_ANSWER_BYTES = 1 << 24
_KEPT_ALIVE = 2.0
"""Seconds a connection is kept: fewer than servers keep it, so that none is used just as it closes."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OpenAIEngine:
    """Streams answers from one server; implements contracts.Engine.

    Args:
        url: of the server, with or without /v1, e.g. "http://127.0.0.1:8000".
        key: bearer key, "" for none.
        silence: seconds without a byte after which the server is given up; loading and a long prompt both take a while.

    Raises EngineUnavailable for a text that cannot be an address.
    """

    def __init__(self, url: str, key: str = "", silence: float = 960.0) -> None:
        self._ways: tuple[Way, ...] = (ask_host, ask_forced, ask_seen)
        self.url = url.rstrip("/").removesuffix("/v1")
        parts = _address(self.url)
        limits = httpx.Limits(keepalive_expiry=_KEPT_ALIVE)
        secure = parts.scheme == "https"  # reading the trusted certificates takes longer than most answers
        # No proxy stands between us and this machine, so nothing has to stand before the transport either.
        self._direct = httpx.HTTPTransport(verify=secure, limits=limits) if parts.host in _LOOPBACK else None
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(silence, connect=10.0),
            limits=limits,
            verify=secure,
            trust_env=self._direct is None,
            transport=self._direct,
        )
        self._chat = httpx.URL(f"{self.url}/v1/chat/completions")
        self._headers = self._client.headers.copy()
        self._timeouts = {"timeout": self._client.timeout.as_dict()}

    def chat(self, request: Request) -> Iterator[Chunk]:
        """Streams the answer; closing the iterator cancels. Raises EngineError, UnknownName, MissingPrerequisite."""
        model = str(request.model)
        if request.whole:
            yield from self._whole(request)
            return
        with self._told(), self._client.stream("POST", "/v1/chat/completions", json=_body(request)) as response:
            if response.status_code != 200:
                raise error_of(response.status_code, _document(_read(response, _MAX_ERROR_BYTES)), model)
            yield from _chunks(_events(response, model), request.model)

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        """See contracts.Engine; how near to exact it is depends on the server: `choosing_client`.

        Raises EngineError, UnknownName, MissingPrerequisite; RequestRefused for a server that tells no probabilities.
        """
        check_options(options)
        if not options:
            return ()
        model = str(request.model)
        body = {"model": model, "messages": _messages(request)}
        with self._told():
            for number, way in enumerate(ways := self._ways):
                chosen = way(self._client, body, options)
                if chosen is not None:
                    self._ways = ways[number:]  # what the server did not know once it will not know next time
                    return chosen
        raise RequestRefused(400, f"The server at {self.url} does not tell how probable its answers are.")

    def resident(self) -> Residency | None:
        """What our host holds in memory; None where the server is not ours or does not answer."""
        try:
            response = self._client.get("/locoman/v1/resident", timeout=10.0)
        except httpx.HTTPError:
            return None
        if response.status_code != 200:
            return None
        try:
            return msgspec.json.decode(response.content, type=Residency)
        except msgspec.MsgspecError:
            return None

    def close(self) -> None:
        """Closes the connection that is kept for the next request."""
        self._client.close()

    def _whole(self, request: Request) -> Iterator[Chunk]:
        """The answer in one piece. It costs the server less, and llama.cpp's own keeps the connection only then."""
        model = str(request.model)
        with self._told():
            asked = httpx.Request(
                "POST", self._chat, headers=self._headers, json=_body(request), extensions=self._timeouts
            )
            direct = self._direct
            response = direct.handle_request(asked) if direct is not None else self._client.send(asked, stream=True)
            try:
                data = _read(response, _MAX_ANSWER_BYTES)
            finally:
                response.close()
        if response.status_code != 200:
            raise error_of(response.status_code, _document(data), model)
        yield from read_whole(_document(data), request.model)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Maps httpx's errors: before the connection stood, and after."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise EngineUnavailable(f"No engine answers at {self.url}: {error}.") from error
        except httpx.TimeoutException as error:
            raise EngineLost(f"The engine at {self.url} gave no sign of life for too long.") from error
        except httpx.HTTPError as error:
            raise EngineLost("The engine went away in the middle of the answer.") from error


def _address(text: str) -> httpx.URL:
    """Raises EngineUnavailable for what cannot be a server's address."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise EngineUnavailable(f"{text!r} cannot be the address of an engine: {str(error).lower()}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise EngineUnavailable(
            f"{text!r} cannot be the address of an engine: it needs http:// or https:// and a host."
        )
    return url


def _body(request: Request) -> dict[str, Any]:
    sampling = request.sampling
    asked = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "min_p": sampling.min_p,
        "repeat_penalty": sampling.repeat_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    return {
        "model": str(request.model),
        "messages": _messages(request),
        **({} if request.whole else {"stream": True, "stream_options": {"include_usage": True}}),
        **{name: value for name, value in asked.items() if value is not None},
        # the second is llama.cpp's own word for it; our host and vLLM pass over what they do not know
        **({"locoman": {"serial": True}, "cache_prompt": False} if request.serial else {}),
    }


def _messages(request: Request) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in request.messages]


def _chunks(events: Iterator[dict[str, Any]], model: ModelName) -> Iterator[Chunk]:
    """Events as Chunks: `served` first, the end last, whatever order the server sends them in."""
    end = Extension()
    finish, usage, announced = None, None, False
    for event in events:
        extension = read_extension(event.get("locoman", {}))
        if not announced:
            yield Chunk(served=extension.served or served_by(model, event))
            announced = True
        end = Extension(timing=extension.timing or end.timing, usage=extension.usage or end.usage)
        try:
            for choice in event.get("choices") or ():
                finish = choice.get("finish_reason") or finish
                if text := choice["delta"].get("content"):
                    yield Chunk(text=text)
            usage = read_usage(event.get("usage")) or usage
        except (KeyError, TypeError, AttributeError) as error:
            raise EngineLost("The engine sent something that is not an answer.") from error
    if finish is None:
        raise EngineLost("The engine stopped in the middle of the answer.")
    yield Chunk(finish="length" if finish == "length" else "stop", timing=end.timing, usage=end.usage or usage)


def _events(response: httpx.Response, model: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events, until [DONE]. Raises what an error event stands for.

    The stream is read to its very end: a connection with something left on it cannot be used for the next request.
    """
    done = False
    for line in _lines(response):
        if done or not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        done = data == b"[DONE]"
        if done:
            continue
        event = _document(data)
        if not isinstance(event, dict):
            raise EngineLost("The engine sent something that is not an answer.")
        if "error" in event:
            raise _in_stream(error_of(500, event, model))
        yield event


def _in_stream(error: LocomanError) -> LocomanError:
    return error if isinstance(error, EngineError) else EngineLost(str(error))


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """Lines without their ends, each as soon as it is there; one that does not end raises EngineLost."""
    rest = b""
    for data in response.iter_bytes():
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        if len(rest) > _MAX_LINE_BYTES:
            raise EngineLost("The engine sent something that is not an answer.")


def _read(response: httpx.Response, limit: int) -> bytes:
    """The body, no more of it than is good for us: one that is cut off is no JSON."""
    body = bytearray()
    for data in response.iter_bytes():
        body += data
        if len(body) > limit:
            break
    return bytes(body)


def _document(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
