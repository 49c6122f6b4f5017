"""A stand-in for an Ollama server, with the rules of 0.33, 0.34.1 or 0.35 by switch.

Models lie on disk as Ollama's do, so paths, sizes and digests are true. Pulls go to a registry over HTTP (`library` stands
for Ollama's own), with partial blobs that a later pull goes on from. tests/ollama/test_contract.py runs the same cases against
this and against a real server: where the two differ, this is wrong. The rules after 0.33 were read in Ollama's source, not run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import httpx
from support.loopback import Handler, LoopbackServer
from support.oci_registry import MODEL, TEMPLATE, OciRegistry
from support.ollama_store import ADAPTER, SYSTEM, GgufFacts, Json, ModelStore, StoredModel, as_llama_quantize_writes

from locoman.errors import InvalidName
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.tag import OllamaTag

_CHUNK = 1 << 14


class Fault(Enum):
    """What happens to every request of a path, until it is taken back."""

    HTML = "a proxy's page with status 200"
    BAD_GATEWAY = "a proxy's page with status 502"
    HANG_UP = "the connection ends without an answer"
    SILENT = "no answer for two seconds"
    SERVER_ERROR = "status 500 without a body"
    GARBAGE = "status 200 with something that is no JSON"
    STREAM_ERROR = "the stream begins, then tells an error"
    STREAM_CUT = "the stream begins, then the connection ends"
    STREAM_END = "the stream begins, then ends without success"


_STREAM_FAULTS = frozenset({Fault.STREAM_ERROR, Fault.STREAM_CUT, Fault.STREAM_END})


class _RefusedError(Exception):
    """An error for the client, with the status it has before anything was streamed."""

    def __init__(self, message: str, status: int = 500) -> None:
        self.status = status
        super().__init__(message)


class _OllamaHandler(Handler):
    @property
    def ollama(self) -> StandinOllama:
        server: StandinOllama = self.owner
        return server

    def do_GET(self) -> None:  # noqa: N802
        if self._faulted():
            return
        if self.path == "/":
            self.reply(200, b"Ollama is running")
        elif self.path == "/api/version":
            self._json({"version": self.ollama.version})
        elif self.path == "/api/tags":
            self._json({"models": [_listed(model) for model in self.ollama.store.models()]})
        elif self.path == "/api/ps":
            sizes = {str(model.tag): model.size for model in self.ollama.store.models()}
            self._json({"models": [{"name": tag, "size": sizes[tag]} for tag in self.ollama.loaded if tag in sizes]})
        else:
            self._no_route()

    def do_HEAD(self) -> None:  # noqa: N802
        if not self.path.startswith("/api/blobs/"):
            self.do_GET()
            return
        try:
            self.reply(200 if self.ollama.store.blob(self.path.rpartition("/")[2]).exists() else 404)
        except ValueError:
            self.reply(400)

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._faulted():
            return
        self.ollama.requests.append(self.path)
        if self.path.startswith("/api/blobs/"):
            self._upload(self.path.rpartition("/")[2], body)
        elif self.path == "/api/show":
            self._answer(body, self._show)
        elif self.path == "/api/generate":
            self._answer(body, self._load_or_unload)
        elif self.path == "/api/pull":
            self._stream(body, self.ollama.pull)
        elif self.path == "/api/create":
            self._stream(body, self.ollama.create)
        else:
            self._no_route()

    def do_DELETE(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._faulted():
            return
        if self.path == "/api/delete":
            self._answer(body, self._delete)
        else:
            self._no_route()

    def _no_route(self) -> None:
        known = {"/api/show", "/api/pull", "/api/create", "/api/delete", "/api/tags", "/api/version", "/api/ps"}
        status, text = (405, b"405 method not allowed") if self.path in known else (404, b"404 page not found")
        self.reply(status, text)

    def _json(self, value: Json, status: int = 200) -> None:
        self.reply(status, json.dumps(value).encode(), "application/json; charset=utf-8")

    def _answer(self, body: bytes, action: object) -> None:
        try:
            result = action(_parse(body))  # type: ignore[operator]
        except _RefusedError as error:
            self._json({"error": str(error)}, error.status)
        else:
            self.reply(200) if result is None else self._json(result)

    def _show(self, request: Json) -> Json:
        text = request.get("model") or request.get("name")
        if not text:
            raise _RefusedError("model is required", 400)
        tag = _tag(text, f"unqualified name: {text}")
        model = self.ollama.store.find(tag)
        if model is None:
            raise _RefusedError(f"model '{tag}' not found", 404)
        return {
            "modelfile": model.modelfile(),
            "template": model.text(TEMPLATE, "{{ .Prompt }}"),
            "system": model.text(SYSTEM),
            "details": model.details,
            "model_info": {"general.architecture": model.details["family"]},
            "capabilities": ["completion"],
            "modified_at": _modified(model),
        }

    def _load_or_unload(self, request: Json) -> Json:
        """All that a stand-in without an engine can do: a prompt is not answered."""
        text = str(request.get("model") or "")
        tag = _tag(text, "model is required")
        if self.ollama.store.find(tag) is None:
            raise _RefusedError(f"model '{text}' not found", 404)
        if request.get("prompt"):
            raise _RefusedError("this stand-in runs no models", 501)
        unload = request.get("keep_alive") == 0
        (self.ollama.loaded.discard if unload else self.ollama.loaded.add)(str(tag))
        return {"model": text, "response": "", "done": True, "done_reason": "unload" if unload else "load"}

    def _delete(self, request: Json) -> None:
        text = str(request.get("model") or request.get("name") or "")
        model = self.ollama.store.find(_tag(text, f'name "{text}" is invalid'))
        if model is None:
            raise _RefusedError(f"model '{text}' not found", 404)
        self.ollama.store.remove(model)

    def _upload(self, digest: str, body: bytes) -> None:
        try:
            path = self.ollama.store.blob(digest)
        except ValueError as error:
            self._json({"error": str(error)}, 400)
            return
        if path.exists():
            self.reply(200)
            return
        got = f"sha256:{hashlib.sha256(body).hexdigest()}"
        path.with_name(got.replace(":", "-")).write_bytes(body)
        if got == digest.replace("sha256-", "sha256:"):
            self.ollama.uploaded_bytes += len(body)
            self.reply(201)
        else:
            self._json({"error": f'digest mismatch, expected "{digest}", got "{got}"'}, 400)

    def _stream(self, body: bytes, action: object) -> None:
        """Lines of JSON as they come; an error ahead of the first is a status, a later one is a line."""
        begun = False
        try:
            request = _parse(body)
            whole = request.get("stream") is False
            last: Json = {}
            for event in action(request):  # type: ignore[operator]
                last = event
                if whole:
                    continue
                if not begun:
                    begun = True
                    self._begin_stream()
                self._line(event)
                if self.ollama.faults.get(self.path) in _STREAM_FAULTS:
                    self._break_stream(self.ollama.faults[self.path])
                    return
            if whole:
                self._json(last)
        except _RefusedError as error:
            if begun:
                self._line({"error": str(error)})
            else:
                self._json({"error": str(error)}, error.status)
        except ConnectionError:
            self.close_connection = True
            return
        if begun:
            self.wfile.write(b"0\r\n\r\n")

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _line(self, event: Json) -> None:
        line = json.dumps(event).encode() + b"\n"
        self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.flush()

    def _break_stream(self, fault: Fault) -> None:
        if fault is Fault.STREAM_ERROR:
            self._line({"error": "max retries exceeded: unexpected EOF"})
        if fault is Fault.STREAM_CUT:
            self.hang_up()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _faulted(self) -> bool:
        """Carries out a fault that comes before any answer."""
        fault = self.ollama.faults.get(self.path)
        if fault is None or fault in _STREAM_FAULTS:
            return False
        if fault is Fault.SILENT:
            time.sleep(2)
        if fault in (Fault.HANG_UP, Fault.SILENT):
            self.hang_up()
        elif fault in (Fault.HTML, Fault.BAD_GATEWAY):
            self.reply(200 if fault is Fault.HTML else 502, b"<html>please log in</html>", "text/html")
        elif fault is Fault.SERVER_ERROR:
            self.reply(500)
        else:
            self.reply(200, b'{"models": 7, "version": [], "modelfile": {}', "application/json")
        return True


class StandinOllama(LoopbackServer):
    """A context manager. `faults` maps a path such as "/api/pull" to what goes wrong there."""

    handler = _OllamaHandler

    def __init__(self, models: Path, version: str = "0.33.0", library: OciRegistry | None = None) -> None:
        super().__init__()
        self.version = version
        self.library = library
        self.store = ModelStore(models)
        self.faults: dict[str, Fault] = {}
        self.requests: list[str] = []
        self.loaded: set[str] = set()
        self.uploaded_bytes = 0

    def pull(self, request: Json) -> Iterator[Json]:
        """The events of a pull."""
        tag = _tag(str(request.get("model") or request.get("name") or ""), "invalid model name")
        yield {"status": "pulling manifest"}
        if tag.host != "registry.ollama.ai":
            if not request.get("insecure"):
                raise _RefusedError("pull model manifest: tls: first record does not look like a TLS handshake")
            registry = f"http://{tag.host}"
        elif self.library is not None:
            registry = self.library.url
        else:
            raise _RefusedError("pull model manifest: dial tcp: lookup registry.ollama.ai: no such host")
        with httpx.Client(base_url=f"{registry}/v2/{tag.namespace}/{tag.model}", trust_env=False) as client:
            try:
                answer = client.get(f"/manifests/{tag.tag}")
                if answer.status_code != 200:
                    raise _RefusedError("pull model manifest: file does not exist")
                manifest = answer.json()
                for layer in [*manifest["layers"], manifest["config"]]:
                    yield from self._pull_blob(client, layer["digest"], int(layer["size"]))
            except httpx.TransportError as error:
                raise _RefusedError(f"max retries exceeded: {error}") from error
        yield {"status": "verifying sha256 digest"}
        yield {"status": "writing manifest"}
        self.store.write(tag, answer.content)
        yield {"status": "success"}

    def _pull_blob(self, client: httpx.Client, digest: str, size: int) -> Iterator[Json]:
        path = self.store.blob(digest)
        event = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": size}
        partial = path.with_name(f"{path.name}-partial")
        for _ in range(6):
            if path.exists():
                break
            try:
                for done in _fetch_rest(client, digest, partial):
                    yield {**event, "completed": done}
            except httpx.RemoteProtocolError:
                continue
            if hashlib.sha256(partial.read_bytes()).hexdigest() != digest.removeprefix("sha256:"):
                partial.unlink()
                raise _RefusedError("digest mismatch, file must be downloaded again")
            partial.rename(path)
        yield {**event, "completed": size}

    def create(self, request: Json) -> Iterator[Json]:
        """The events of a create."""
        able = Capabilities.of(self.version)
        tag = _tag(str(request.get("model") or request.get("name") or ""), "invalid model name")
        adapters = request.get("adapters") or {}
        if (request.get("quantize") or request.get("quantization")) and not able.quantize_at_create:
            raise _RefusedError("quantization is no longer supported", 400)
        if adapters and not able.adapters_at_create:
            raise _RefusedError("LoRA adapters are no longer supported", 400)
        layers, weights = self._base_layers(request)
        yield {"status": "parsing GGUF"}
        for digest in (request.get("files") or {}).values():
            facts = self._gguf_facts(digest)
            if facts.kind == "adapter" and not able.adapters_at_create:
                raise _RefusedError("LoRA adapters are no longer supported", 400)
        if len(adapters) > 1:
            raise _RefusedError("only one adapter is currently supported", 400)
        for digest in adapters.values():
            self._gguf_facts(digest)
            layers.append(self.store.layer(digest, ADAPTER))
        for key, media_type in (("template", TEMPLATE), ("system", SYSTEM)):
            if request.get(key):
                layers = [layer for layer in layers if layer["mediaType"] != media_type]
                layers.append(self.store.add(str(request[key]).encode(), media_type))
        yield {"status": "writing manifest"}
        self.store.create(tag, layers, weights)
        yield {"status": "success"}

    def _base_layers(self, request: Json) -> tuple[list[Json], Path]:
        files = request.get("files") or {}
        if request.get("from"):
            source = self.store.find(_tag(str(request["from"]), "invalid model name"))
            if source is None:
                raise _RefusedError("pull model manifest: file does not exist")
            return list(source.manifest["layers"]), source.files(MODEL)[0]
        if not files:
            raise _RefusedError("neither 'from' or 'files' was specified", 400)
        if len(files) > 1:
            raise _RefusedError("this stand-in knows no split GGUF", 501)
        (digest,) = files.values()
        self._gguf_facts(digest)
        layer = self.store.add(as_llama_quantize_writes(self.store.blob(digest)), MODEL)
        return [layer], self.store.blob(layer["digest"])

    def _gguf_facts(self, digest: str) -> GgufFacts:
        try:
            return GgufFacts.read(self.store.blob(digest))
        except FileNotFoundError as error:
            raise _RefusedError(f"open {error.filename}: no such file or directory") from error
        except ValueError as error:
            raise _RefusedError(str(error), 400) from error

    def partials(self) -> list[Path]:
        """Blobs that have not arrived whole."""
        return sorted((self.store.root / "blobs").glob("*-partial"))

    def wipe(self) -> None:
        """Loses every blob, as a user who deletes the folder does."""
        shutil.rmtree(self.store.root / "blobs")


def _fetch_rest(client: httpx.Client, digest: str, partial: Path) -> Iterator[int]:
    """Appends what is missing to `partial`; yields its size."""
    with partial.open("ab") as file:
        headers = {"range": f"bytes={file.tell()}-", "accept-encoding": "identity"}
        with client.stream("GET", f"/blobs/{digest}", headers=headers) as answer:
            if answer.status_code not in (200, 206):
                raise _RefusedError("file does not exist")
            for chunk in answer.iter_raw():
                file.write(chunk)
                file.flush()
                yield file.tell()


def _parse(body: bytes) -> Json:
    if not body:
        raise _RefusedError("missing request body", 400)
    try:
        request: Json = json.loads(body)
    except ValueError as error:
        raise _RefusedError(str(error), 400) from error
    return request


def _tag(text: str, message: str) -> OllamaTag:
    try:
        return OllamaTag.parse(text)
    except InvalidName as error:
        raise _RefusedError(message, 400) from error


def _listed(model: StoredModel) -> Json:
    return {
        "name": str(model.tag),
        "model": str(model.tag),
        "modified_at": _modified(model),
        "size": model.size,
        "digest": model.digest,
        "details": model.details,
        "capabilities": ["completion"],
    }


def _modified(model: StoredModel) -> str:
    return datetime.fromtimestamp(model.path.stat().st_mtime, UTC).isoformat()
