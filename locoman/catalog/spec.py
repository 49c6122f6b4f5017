"""A base spec: modelfiles/<base>.toml, all that is known of a supported base before it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from locoman.contracts import Sampling
from locoman.documents import read_text, read_toml
from locoman.errors import InvalidFile, LocomanError
from locoman.names import BaseRef

MAX_TEMPLATE_BYTES = 256 << 10
Bytes = Annotated[int, Meta(ge=0)]


class CheckpointSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the Hugging Face checkpoint is: a folder beside the spec, or a repository at a revision."""

    folder: str = ""
    repository: str = ""
    revision: str = ""


class OllamaSource(Struct, frozen=True, forbid_unknown_fields=True):
    """The base's tag in Ollama's library."""

    tag: str


class GgufSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A ready GGUF on the hub; `sha256` "" where the hub's own digest at the revision is the only one known."""

    repository: str
    file: str
    revision: str = "main"
    sha256: str = ""


class Runtime(Struct, frozen=True, forbid_unknown_fields=True):
    """What running it takes: what conversion writes, tokens of context, and bytes to fetch, on disk and in memory."""

    context: Annotated[int, Meta(ge=64, le=1 << 20)]
    disk_bytes: Bytes
    memory_bytes: Bytes
    download_bytes: Bytes = 0
    quantization: str = "Q8_0"


class Template(Struct, frozen=True, forbid_unknown_fields=True):
    """The jinja chat template (a path beside the spec) and the strings that end an answer."""

    chat: str
    stop: tuple[str, ...] = ()


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How answers are drawn unless a question says otherwise."""

    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.7
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Meta(ge=0)] = 40
    max_tokens: Annotated[int, Meta(ge=1)] = 1024

    def sampling(self) -> Sampling:
        """As a Sampling with every default set."""
        return Sampling(self.max_tokens, self.temperature, self.top_p, self.top_k)


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """The spec file as written; `kind` "" where nobody has found out whether it is an instruct model."""

    format: Literal[1]
    name: str
    title: str
    architecture: str
    parameter_count: Annotated[int, Meta(gt=0)]
    licence: Annotated[str, Meta(min_length=1)]
    status: Literal["standard", "previous", "candidate", "retired"]
    academic_year: str
    source: CheckpointSource
    runtime: Runtime
    template: Template
    kind: Literal["instruct", "base", ""] = ""
    fingerprint: str = ""
    ollama: OllamaSource | None = None
    gguf: GgufSource | None = None
    parameters: Parameters = field(default_factory=Parameters)


@dataclass(frozen=True, slots=True)
class BaseSpec:
    """A spec with the place it was read from."""

    path: Path
    spec: Spec

    @property
    def ref(self) -> BaseRef:
        """The base's name."""
        return BaseRef(self.spec.name)

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint's folder, for a base that ships with its spec."""
        return self._beside(self.spec.source.folder) if self.spec.source.folder else None

    @property
    def template_path(self) -> Path:
        """The jinja chat template's file. Raises InvalidFile when it is not below the spec's folder."""
        return self._beside(self.spec.template.chat)

    def chat_template(self) -> str:
        """The jinja text. Raises InvalidFile."""
        return read_text(self.template_path, MAX_TEMPLATE_BYTES)

    def _beside(self, name: str) -> Path:
        folder = self.path.parent
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InvalidFile(self.path, f"{name!r} leaves the folder of the spec")
        return path


def read_spec(path: Path) -> BaseSpec:
    """Reads and checks one spec. Raises InvalidFile, UnknownKey."""
    spec = read_toml(path, Spec)
    try:
        BaseRef.parse(spec.name)
    except LocomanError as error:
        raise InvalidFile(path, str(error).rstrip(".")) from error
    if spec.name != path.stem:
        raise InvalidFile(path, f"the spec names itself {spec.name!r}, its file {path.stem!r}")
    if bool(spec.source.folder) == bool(spec.source.repository):
        raise InvalidFile(path, "[source] needs exactly one of folder and repository")
    if spec.status == "standard" and spec.kind == "base":
        raise InvalidFile(path, "a bare base, which answers no questions, cannot be the standard base")
    return BaseSpec(path, spec)
