"""What a provider of base files promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from locoman.catalog.spec import BaseSpec
from locoman.progress import Progress
from locoman.store.registry import OllamaModel

Origin = Literal["converted", "downloaded", "ollama", "bundle"]


@dataclass(frozen=True, slots=True)
class Offer:
    """How a provider would bring a base here: in words, and in bytes to fetch and to keep."""

    provider: str
    sentence: str
    download_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class BaseGguf:
    """A base's file. `external` marks one that somebody else (Ollama) owns: it stays where it is.

    `pulled` is the record of a model that was not in Ollama before.
    """

    path: Path
    origin: Origin
    sha256: str
    bytes: int
    pulled: OllamaModel | None = None

    @property
    def external(self) -> bool:
        """Whether the file is not locoman's own."""
        return self.origin == "ollama"


class Provider(Protocol):
    """One way to bring a base here."""

    @property
    def name(self) -> str:
        """As plans and errors name it, e.g. "Ollama"."""
        ...

    def offer(self, spec: BaseSpec) -> Offer:
        """What it would take. Raises LocomanError saying why this provider cannot."""
        ...

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """Brings the file, verified, into the folder `staging` (or names an external one). Raises LocomanError."""
        ...
