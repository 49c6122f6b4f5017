"""The few calls of Ollama's API that locoman needs, typed.

Over httpx rather than the `ollama` package: the package raises builtin ConnectionError here, httpx errors there,
loses the status of an error inside a stream, takes any proxy from the environment even for loopback, and bounds
neither sizes nor times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from locoman.errors import OllamaRefused, OllamaUnavailable
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.modelfile import from_value
from locoman.ollama.transport import Transport
from locoman.progress import Progress, no_progress
from locoman.store.atomic import mapped

_READ_SECONDS = 30.0
# Ollama is silent while it checks the digest of what it fetched or took: seconds per GB on a slow disk.
_SILENCE_SECONDS = 600.0
_CHUNK_BYTES = 1 << 20


class Installed(msgspec.Struct, frozen=True):
    """A line of `ollama list`: `size` is the sum of all its layers in bytes, `digest` the manifest's sha256 in hex."""

    name: str
    size: int = 0
    digest: str = ""
    remote_host: str = ""


class Loaded(msgspec.Struct, frozen=True):
    """A line of `ollama ps`: a model in memory, `size` bytes of it."""

    name: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as /api/show tells it; `from_path` is the FROM of its Modelfile: for a local model, its weights.

    `parameters` has a line for each value: its name and a Go literal.
    """

    name: str
    modelfile: str
    from_path: str | None
    template: str
    system: str
    license: str
    parameters: str
    renderer: str
    parser: str
    remote_host: str


@dataclass(frozen=True, slots=True)
class NewModel:
    """What /api/create makes: from another model (`source`) or from `files` (a name for each "sha256:..." digest)."""

    tag: str
    source: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    system: str = ""
    license: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    renderer: str = ""
    parser: str = ""

    def document(self) -> dict[str, Any]:
        """The request's JSON, without what is empty."""
        fields = {
            "model": self.tag, "from": self.source, "files": dict(self.files), "adapters": dict(self.adapters),
            "template": self.template, "system": self.system, "license": self.license,
            "parameters": dict(self.parameters), "renderer": self.renderer, "parser": self.parser,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value}


class OllamaApi:
    """A client of one Ollama server; keeps its connections.

    Methods raise only OllamaUnavailable, OllamaRefused and, where Ollama's disk is full, MissingPrerequisite.
    """

    def __init__(
        self, url: str, *, read_seconds: float = _READ_SECONDS, pull_silence: float = _SILENCE_SECONDS
    ) -> None:
        """`url` as `resolve_url` writes it; raises UsageError for one that cannot be."""
        self._http = Transport(url, read_seconds, pull_silence)
        self.url = self._http.url

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def __enter__(self) -> OllamaApi:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def version(self) -> str:
        """The server's version, as it says it."""
        return self._http.answer("GET", "/api/version", "tell its version", None, _Version).version

    def capabilities(self) -> Capabilities:
        """What this server can do, as its version says."""
        return Capabilities.of(self.version())

    def tags(self) -> tuple[Installed, ...]:
        """The models that are there."""
        return self._http.answer("GET", "/api/tags", "list its models", None, _Tags).models

    def loaded(self) -> tuple[Loaded, ...]:
        """The models that are in memory."""
        return self._http.answer("GET", "/api/ps", "tell what is in memory", None, _InMemory).models

    def unload(self, tag: str) -> None:
        """Frees the memory of `tag` when what it is answering is answered; nothing happens if it is not there."""
        self._http.body("POST", "/api/generate", f"unload {tag}", {"model": tag, "keep_alive": 0, "stream": False})

    def show(self, tag: str) -> Shown:
        """The model `tag`; OllamaRefused with status 404 when there is none."""
        shown = self._http.answer("POST", "/api/show", f"show {tag}", {"model": tag}, _Shown)
        return Shown(
            name=tag,
            modelfile=shown.modelfile,
            from_path=from_value(shown.modelfile),
            template=shown.template,
            system=shown.system,
            license=shown.license,
            parameters=shown.parameters,
            renderer=shown.renderer,
            parser=shown.parser,
            remote_host=shown.remote_host,
        )

    def pull(self, tag: str, progress: Progress = no_progress, *, insecure: bool = False) -> None:
        """Makes Ollama fetch `tag`.

        Ollama fetches layer by layer: `progress` counts the bytes of those seen so far, so its total can grow.

        Ends when Ollama says "success". What arrived before an interruption stays in Ollama and the next pull goes on
        from there.
        """
        layers: dict[str, tuple[int, int]] = {}
        body = {"model": tag, "insecure": insecure}
        with closing(self._http.events("/api/pull", f"pull {tag}", body)) as events:
            for event in events:
                if event.digest and event.total > 0:
                    layers[event.digest] = (min(max(event.completed, 0), event.total), event.total)
                    progress(*_sums(layers), "bytes")
                if event.status == "success":
                    if layers:
                        progress(_sums(layers)[1], _sums(layers)[1], "bytes")
                    return
        raise OllamaUnavailable(self.url, f"it stopped in the middle of the pull of {tag}")

    def has_blob(self, sha256: str) -> bool:
        """Whether Ollama holds a blob of that name (hex); nothing is said of its content."""
        try:
            self._http.body("HEAD", f"/api/blobs/sha256:{sha256}", "look for a file", None)
        except OllamaRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    def put_blob(self, path: Path, sha256: str, progress: Progress = no_progress) -> int:
        """Hands the file of that digest (hex) over, unless Ollama has it; returns the bytes sent. Raises StoreError too."""
        if self.has_blob(sha256):  # asked first, because Ollama answers 200 only after the whole file was sent
            return 0
        with mapped(path):
            size = path.stat().st_size
            self._http.send(f"/api/blobs/sha256:{sha256}", f"take {path.name}", _pieces(path, size, progress), size)
        return size

    def create(self, model: NewModel, progress: Progress = no_progress) -> None:
        """Makes a model; its files must be there as blobs. Progress counts bytes of the file at work."""
        with closing(self._http.events("/api/create", f"create {model.tag}", model.document())) as events:
            for event in events:
                if event.total > 0:
                    progress(min(max(event.completed, 0), event.total), event.total, "bytes")
                if event.status == "success":
                    return
        raise OllamaUnavailable(self.url, f"it stopped in the middle of the creation of {model.tag}")

    def copy(self, tag: str, target: str) -> None:
        """Gives the model `tag` a second name; takes no disk space."""
        self._http.body("POST", "/api/copy", f"copy {tag}", {"source": tag, "destination": target})

    def delete(self, tag: str) -> None:
        """Removes `tag` and the blobs that no other model needs; OllamaRefused with status 404 when there is none."""
        self._http.body("DELETE", "/api/delete", f"delete {tag}", {"model": tag})


class _Version(msgspec.Struct):
    version: str


class _Tags(msgspec.Struct):
    models: tuple[Installed, ...]


class _InMemory(msgspec.Struct):
    models: tuple[Loaded, ...]


class _Shown(msgspec.Struct):
    modelfile: str = ""
    template: str = ""
    system: str = ""
    license: str = ""
    parameters: str = ""
    renderer: str = ""
    parser: str = ""
    remote_host: str = ""


def _sums(layers: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """(done, total) over all layers."""
    return sum(done for done, _ in layers.values()), sum(total for _, total in layers.values())


def _pieces(path: Path, size: int, progress: Progress) -> Iterator[bytes]:
    done = 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece
            done += len(piece)
            progress(done, size, "bytes")
