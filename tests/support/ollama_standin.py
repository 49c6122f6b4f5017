"""A stand-in for an Ollama server, with the rules of 0.33, 0.34.1 or 0.35 by switch.

Models lie on disk as Ollama's do, so paths, sizes and digests are true. Pulls go to a registry over HTTP (`library` stands
for Ollama's own), with partial blobs that a later pull goes on from. tests/ollama/test_contract.py runs the same cases against
this and against a real server: where the two differ, this is wrong. The rules after 0.33 were read in Ollama's source, not run.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import IO

import httpx
from support.loopback import Handler, LoopbackServer
from support.oci_registry import MODEL, TEMPLATE, OciRegistry
from support.ollama_store import ADAPTER, LICENSE, PARAMS, SYSTEM, GgufFacts, Json, ModelStore, StoredModel

from locoman.errors import InvalidFile, InvalidName
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.tag import OllamaTag

_STREAMED = frozenset({"/api/pull", "/api/create"})
_SHARD = re.compile(r".+-(\d{5})-of-(\d{5})\.gguf")


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
    FULL = "no space is left on Ollama's disk"
    CUT_UPLOAD = "the connection ends in the middle of an upload"


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

    def parse_request(self) -> bool:
        """Counts the requests."""
        self.ollama.arrived += 1
        return super().parse_request()

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
        if self._faulted(sent=False):
            self.hang_up()
            return
        try:
            self.reply(200 if self.ollama.store.blob(self.path.rpartition("/")[2]).exists() else 404)
        except ValueError:
            self.reply(400)

    def do_POST(self) -> None:  # noqa: N802
        size = int(self.headers.get("content-length", 0))
        if self.path.startswith("/api/blobs/"):
            self.ollama.requests.append(self.path)
            self._upload(self.path.rpartition("/")[2], size)
            return
        body = self.rfile.read(size)
        if self._faulted():
            return
        self.ollama.requests.append(self.path)
        if self.path == "/api/show":
            self._answer(body, self._show)
        elif self.path == "/api/generate":
            self._answer(body, self._load_or_unload)
        elif self.path == "/api/pull":
            self._stream(body, self.ollama.pull)
        elif self.path == "/api/create":
            self._stream(body, self.ollama.create)
        elif self.path == "/api/copy":
            self._answer(body, self._copy)
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
        known = {
            "/api/show",
            "/api/pull",
            "/api/create",
            "/api/delete",
            "/api/copy",
            "/api/tags",
            "/api/version",
            "/api/ps",
        }
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
            "license": model.text(LICENSE),
            "parameters": model.parameters(),
            "renderer": model.config.get("renderer", ""),
            "parser": model.config.get("parser", ""),
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

    def _copy(self, request: Json) -> None:
        source, target = str(request.get("source") or ""), str(request.get("destination") or "")
        tag = _tag(target, f"destination {json.dumps(target)} is invalid")
        model = self.ollama.store.find(_tag(source, f"source {json.dumps(source)} is invalid"))
        if model is None:
            raise _RefusedError(f"model {json.dumps(source)} not found", 404)
        self.ollama.store.copy(model, tag)

    def _upload(self, digest: str, size: int) -> None:
        try:
            path = self.ollama.store.blob(digest)
        except ValueError as error:
            self.rfile.read(size)
            self._json({"error": str(error)}, 400)
            return
        fault = self.ollama.fault(self.path)
        limit = size // 2 if fault is Fault.CUT_UPLOAD else size
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix="sha256-", delete=False) as file:
            got = f"sha256:{self._receive(file, limit)}"
        temporary = Path(file.name)
        if fault is Fault.CUT_UPLOAD:
            self.ollama.trap = None
            temporary.unlink()
            self.hang_up()
        elif self._faulted():
            temporary.unlink()
        elif path.exists():
            temporary.unlink()
            self.reply(200)
        elif got == digest.replace("sha256-", "sha256:"):
            temporary.replace(path)
            self.ollama.uploaded_bytes += size
            self.ollama.uploads += 1
            self.reply(201)
        else:
            temporary.replace(self.ollama.store.blob(got))
            self._json({"error": f'digest mismatch, expected "{digest}", got "{got}"'}, 400)

    def _receive(self, file: IO[bytes], size: int) -> str:
        """Writes the body to `file`; returns the digest of what came."""
        hasher = hashlib.sha256()
        while size > 0 and (piece := self.rfile.read(min(size, 1 << 20))):
            hasher.update(piece)
            file.write(piece)
            size -= len(piece)
        return hasher.hexdigest()

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
                if (fault := self.ollama.fault(self.path)) in _STREAM_FAULTS:
                    self._break_stream(fault)
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

    def _break_stream(self, fault: Fault | None) -> None:
        self.ollama.trap = None
        if fault is Fault.STREAM_ERROR:
            self._line({"error": "max retries exceeded: unexpected EOF"})
        if fault is Fault.STREAM_CUT:
            self.hang_up()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _faulted(self, *, sent: bool = True) -> bool:
        """Carries out a fault that comes before any answer; without `sent` only tells of one."""
        fault = self.ollama.fault(self.path)
        if fault is None or fault in _STREAM_FAULTS or fault is Fault.CUT_UPLOAD:
            return False
        if not sent:
            return fault is Fault.HANG_UP
        if fault is Fault.SILENT:
            time.sleep(2)
        if fault in (Fault.HANG_UP, Fault.SILENT):
            self.hang_up()
        elif fault in (Fault.HTML, Fault.BAD_GATEWAY):
            self.reply(200 if fault is Fault.HTML else 502, b"<html>please log in</html>", "text/html")
        elif fault is Fault.SERVER_ERROR:
            self.reply(500)
        elif fault is Fault.FULL:
            self._json({"error": "write /models/blobs/sha256-1: no space left on device"}, 500)
        else:
            self.reply(200, b'{"models": 7, "version": [], "modelfile": {}', "application/json")
        return True


class StandinOllama(LoopbackServer):
    """A context manager. `faults` maps a path such as "/api/pull" ("/api/blobs": all of them) to what goes wrong there.

    `rules` is the version whose rules hold, where the server says another one of itself.
    """

    handler = _OllamaHandler

    def __init__(
        self, models: Path, version: str = "0.33.0", library: OciRegistry | None = None, *, rules: str = ""
    ) -> None:
        super().__init__()
        self.version = version
        self.rules = rules
        self.library = library
        self.store = ModelStore(models)
        self.faults: dict[str, Fault] = {}
        self.requests: list[str] = []
        self.loaded: set[str] = set()
        self.arrived = 0
        self.trap: tuple[int, Fault] | None = None
        self.uploads = 0
        self.uploaded_bytes = 0

    def fault(self, path: str) -> Fault | None:
        """What goes wrong with a request of this path.

        `trap` (number, fault) waits for that one of all requests; for a fault that not every request can meet, for the
        next that can.
        """
        if self.trap is not None:
            number, fault = self.trap
            later = (path in _STREAMED and fault in _STREAM_FAULTS) or fault is Fault.CUT_UPLOAD
            if self.arrived == number or (later and self.arrived > number):
                return fault
        return self.faults.get("/api/blobs" if path.startswith("/api/blobs/") else path)

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
        able = Capabilities.of(self.rules or self.version)
        tag = _tag(str(request.get("model") or request.get("name") or ""), "invalid model name")
        adapters = request.get("adapters") or {}
        if (request.get("quantize") or request.get("quantization")) and not able.quantize_at_create:
            raise _RefusedError("quantization is no longer supported", 400)
        if adapters and not able.adapters_at_create:
            raise _RefusedError("LoRA adapters are no longer supported", 400)
        yield from self._parsed(request.get("files") or {}, able)
        layers, weights, extra = self._base_layers(request, able)
        if len(adapters) > 1:
            raise _RefusedError("only one adapter is currently supported", 400)
        for digest in adapters.values():
            self._gguf_facts(digest)
            layers.append(self.store.layer(digest, ADAPTER))
        layers = self._dressed(layers, request)
        extra |= {key: request[key] for key in ("renderer", "parser") if request.get(key)}
        yield {"status": "writing manifest"}
        if self.faults.get("/api/create") is Fault.FULL:
            raise _RefusedError("write /models/manifests: no space left on device")
        self.store.create(tag, layers, weights, extra)
        yield {"status": "success"}

    def _parsed(self, files: dict[str, str], able: Capabilities) -> Iterator[Json]:
        for digest in files.values():
            yield {"status": "parsing GGUF"}
            if self._gguf_facts(digest).kind == "adapter" and not able.adapters_at_create:
                raise _RefusedError("LoRA adapters are no longer supported", 400)

    def _dressed(self, layers: list[Json], request: Json) -> list[Json]:
        texts = {TEMPLATE: request.get("template"), SYSTEM: request.get("system")}
        old = next((self.store.blob(x["digest"]) for x in layers if x["mediaType"] == PARAMS), None)
        options = {**(json.loads(old.read_bytes()) if old else {}), **(request.get("parameters") or {})}
        texts[PARAMS] = json.dumps(options, sort_keys=True) + "\n" if options else None
        for media_type, text in texts.items():
            if text:
                layers = [layer for layer in layers if layer["mediaType"] != media_type]
                layers.append(self.store.add(str(text).encode(), media_type))
        if request.get("license"):
            layers.append(self.store.add(str(request["license"]).encode(), LICENSE))
        return layers

    def _base_layers(self, request: Json, able: Capabilities) -> tuple[list[Json], list[Path], Json]:
        """The layers of the base, its files, and what of its configuration goes on."""
        files: dict[str, str] = request.get("files") or {}
        if request.get("from"):
            source = self.store.find(_tag(str(request["from"]), "invalid model name"))
            if source is None:
                raise _RefusedError("pull model manifest: file does not exist")
            kept = {key: source.config[key] for key in ("renderer", "parser") if source.config.get(key)}
            return list(source.manifest["layers"]), source.files(MODEL), kept
        if not files:
            raise _RefusedError("neither 'from' or 'files' was specified", 400)
        names = sorted(files)
        self._check_shards(files)
        if len(files) > 1 and able.split_gguf:
            digests = [files[name] for name in names]
        else:
            digests = [self.store.rewritten(files)]
        return [self.store.layer(digest, MODEL) for digest in digests], [self.store.blob(d) for d in digests], {}

    def _check_shards(self, files: dict[str, str]) -> None:
        for name, digest in files.items():
            facts = self._gguf_facts(digest)
            match = _SHARD.fullmatch(name)
            if facts.shard is None and len(files) == 1:
                return
            if facts.shard is None or match is None:
                raise _RefusedError(f'split GGUF "{name}" must use llama.cpp split filename pattern')
            number, count = facts.shard
            if count != int(match[2]):
                raise _RefusedError(
                    f'split GGUF "{name}" filename count {int(match[2])} does not match metadata count {count}'
                )
            if number != int(match[1]) - 1:
                raise _RefusedError(
                    f'split GGUF "{name}" filename index {int(match[1]) - 1} does not match metadata index {number}'
                )
            if count != len(files):
                raise _RefusedError(f'split GGUF "{name}" has {len(files)} shards, expected {count}')

    def _gguf_facts(self, digest: str) -> GgufFacts:
        try:
            return GgufFacts.read(self.store.blob(digest))
        except FileNotFoundError as error:
            raise _RefusedError(f"open {error.filename}: no such file or directory") from error
        except (ValueError, InvalidFile) as error:
            raise _RefusedError(str(error), 400) from error


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
