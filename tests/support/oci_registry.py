"""A registry of models on loopback, as much of it as `ollama pull` speaks (OCI distribution: manifests, blobs with Range).

A real Ollama pulls from it by a name such as `127.0.0.1:5000/library/tiny:latest` with `"insecure": true`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from support.loopback import Handler, LoopbackServer

MODEL = "application/vnd.ollama.image.model"
TEMPLATE = "application/vnd.ollama.image.template"
CONFIG = "application/vnd.docker.container.image.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Trouble:
    """What goes wrong, until it is changed back.

    Args:
        missing: blobs answer 404.
        cut_after: bytes; one ranged answer for each entry ends there.
        pause: seconds after each 16 KiB.
        damaged: digests of blobs with one byte that is another one.
    """

    missing: bool = False
    cut_after: deque[int] = field(default_factory=deque)
    pause: float = 0.0
    damaged: set[str] = field(default_factory=set)


class _RegistryHandler(Handler):
    def do_HEAD(self) -> None:  # noqa: N802
        self._answer()

    def do_GET(self) -> None:  # noqa: N802
        self._answer()

    def _answer(self) -> None:
        registry: OciRegistry = self.owner
        path, _, name = self.path.rpartition("/")
        if path.endswith("/manifests"):
            manifest = registry.manifests.get(f"{path.removeprefix('/v2/').removesuffix('/manifests')}:{name}")
            if manifest is None:
                self.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', "application/json")
            else:
                self.reply(200, manifest, MANIFEST)
            return
        content = None if registry.trouble.missing else registry.blobs.get(name)
        if content is None:
            self.reply(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}', "application/json")
            return
        if name in registry.trouble.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self._send_blob(registry, name, content)

    def _send_blob(self, registry: OciRegistry, name: str, content: bytes) -> None:
        asked = self.headers.get("range")
        first, last = 0, len(content) - 1
        if asked:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end or last), last)
        body = content[first : last + 1]
        self.send_response(206 if asked else 200)
        # Ollama asks where a blob really lies and takes the answer's Location, also of a 200.
        self.send_header("location", self.path)
        self.send_header("content-length", str(len(body)))
        if asked:
            self.send_header("content-range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if asked:
            registry.note(name, first)
        cut = registry.trouble.cut_after.popleft() if asked and body and registry.trouble.cut_after else None
        self._send(body[:cut], registry, bool(asked))
        if cut is not None:
            self.hang_up()

    def _send(self, body: bytes, registry: OciRegistry, paced: bool) -> None:
        try:
            for at in range(0, len(body), 1 << 14):
                self.wfile.write(body[at : at + (1 << 14)])
                if paced and registry.trouble.pause:
                    time.sleep(registry.trouble.pause)
        except ConnectionError:
            self.close_connection = True


class OciRegistry(LoopbackServer):
    """A context manager. `ranges` lists the (digest, first byte) of each part of a blob that was asked for."""

    handler = _RegistryHandler

    def __init__(self) -> None:
        super().__init__()
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.trouble = Trouble()
        self.ranges: list[tuple[str, int]] = []
        self._lock = threading.Lock()

    def add(self, name: str, gguf: Path, *, family: str = "qwen3", template: str = "{{ .Prompt }}") -> str:
        """Offers `gguf` as "library/<name>"; returns the digest of its layer. `name` is "model:tag"."""
        config = {
            "model_format": "gguf",
            "model_family": family,
            "model_families": [family],
            "model_type": "1M",
            "file_type": "F32",
            "architecture": "amd64",
            "os": "linux",
        }
        layers = [self._blob(gguf.read_bytes(), MODEL), self._blob(template.encode(), TEMPLATE)]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(json.dumps(config).encode(), CONFIG),
            "layers": layers,
        }
        self.manifests[f"library/{name}"] = json.dumps(manifest).encode()
        return str(layers[0]["digest"])

    def tag(self, name: str) -> str:
        """The name under which any Ollama can pull "library/<name>" from here."""
        return f"{self.address}/library/{name}"

    def note(self, digest: str, first: int) -> None:
        """Called for each part of a blob that is sent."""
        with self._lock:
            self.ranges.append((digest, first))

    def _blob(self, content: bytes, media_type: str) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}
