"""What should be in Ollama: the base, an adapter on it, and what stands around their weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from locoman.names import AdapterRef
from locoman.ollama.api import Shown
from locoman.ollama.tag import OllamaTag

_MAX_PARAMETERS = 1000


@dataclass(frozen=True, slots=True)
class Dress:
    """All of a model but its weights. `parameters` are (name, JSON value), as /api/create takes them."""

    template: str = ""
    system: str = ""
    license: str = ""
    parameters: tuple[tuple[str, Any], ...] = ()
    renderer: str = ""
    parser: str = ""


@dataclass(frozen=True, slots=True)
class WantedBase:
    """A base as it is, or should be, in Ollama.

    Args:
        tag: its name there.
        gguf: its file on this machine; for a base that Ollama pulled, Ollama's own.
        sha256: of that file.
        dress: for a base that is made from a file of ours; None where Ollama's own is kept.
    """

    name: str
    tag: OllamaTag
    gguf: Path
    sha256: str
    bytes: int
    dress: Dress | None = None

    @property
    def own(self) -> bool:
        """Whether its file is locoman's, so that Ollama holds a second copy."""
        return self.dress is not None

    def recipe(self) -> str:
        """A digest of what the model is made of."""
        return _digest(["created", self.sha256, self.dress])


@dataclass(frozen=True, slots=True)
class WantedAdapter:
    """An adapter as a model in Ollama: `gguf` None for a prompt-only one; `bytes` of that file."""

    ref: AdapterRef
    tag: OllamaTag
    gguf: Path | None
    sha256: str
    bytes: int
    system: str = ""

    def recipe(self, strategy: str, base: WantedBase) -> str:
        """A digest of what the model is made of."""
        return _digest([strategy, str(base.tag), base.sha256, base.dress, self.sha256, self.system])


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that a model needs in Ollama. `key` is its sha256, or, before it is made, a name that tells it from others."""

    key: str
    bytes: int


def adapter_tag(base: str, ref: AdapterRef) -> OllamaTag:
    """The name of an adapter's model in Ollama: <base>-<adapter>:<version>. Raises InvalidName."""
    return OllamaTag.parse(f"{base}-{ref.name}:{ref.version}")


def dress_of(shown: Shown) -> Dress:
    """What stands around the weights of a model that is in Ollama."""
    return Dress(
        shown.template, shown.system, shown.license, read_parameters(shown.parameters), shown.renderer, shown.parser
    )


def read_parameters(text: str) -> tuple[tuple[str, Any], ...]:
    """The lines of /api/show's `parameters` (a name and a Go literal each); a name that repeats holds a list.

    What cannot be read is left out: it stands in a Go literal that JSON does not know.
    """
    found: dict[str, Any] = {}
    for line in text.splitlines()[:_MAX_PARAMETERS]:
        name, _, literal = line.strip().partition(" ")
        try:
            value = json.loads(literal)
        except (ValueError, RecursionError):
            continue
        if name in found or name == "stop":
            found[name] = [*found.get(name, ()), value]
        else:
            found[name] = value
    return tuple(found.items())


def _digest(parts: list[Any]) -> str:
    plain = [asdict(part) if isinstance(part, Dress) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
