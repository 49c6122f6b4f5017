"""Models with an adapter in a real Ollama, made through its API, and the time to their first token."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from locoman.contracts import ServedAdapter, ServedBase

_TEMPLATE = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"


class Unable(Exception):
    """This Ollama does not take adapters, or cannot run the base; says why."""


class OllamaModels:
    """Speaks with the server at `url`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=900.0, trust_env=False)

    def create(self, base: ServedBase, adapters: Sequence[ServedAdapter]) -> list[str]:
        """A model for each adapter; returns their names. Raises Unable."""
        names = []
        whole = self._upload(base.gguf)
        for adapter in adapters:
            assert adapter.gguf is not None
            body = {
                "model": f"bench-{adapter.name}", "files": {"base.gguf": whole}, "stream": False,
                "adapters": {"adapter.gguf": self._upload(adapter.gguf)}, "template": _TEMPLATE,
                "parameters": {"temperature": 0.0, "num_predict": 4, "num_ctx": base.context},
            }  # fmt: skip
            response = self._http.post("/api/create", json=body)
            if response.status_code != 200 or "error" in response.json():
                raise Unable(response.json().get("error", response.text)[:120])
            names.append(f"bench-{adapter.name}")
        return names

    def ask(self, model: str, messages: list[dict[str, str]]) -> float:
        """Seconds to the first token. Raises Unable."""
        begun = time.perf_counter()
        first = 0.0
        with self._http.stream("POST", "/api/chat", json={"model": model, "messages": messages}) as response:
            for line in response.iter_lines():
                event = json.loads(line)
                if "error" in event:
                    raise Unable(event["error"][:120])
                first = first or time.perf_counter() - begun
        return first

    def _upload(self, path: Path) -> str:
        with path.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        if self._http.head(f"/api/blobs/{digest}").status_code != 200:
            self._http.post(f"/api/blobs/{digest}", content=_pieces(path)).raise_for_status()
        return digest


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            yield data
