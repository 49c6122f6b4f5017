"""What a strategy promises: a way to bring an adapter into Ollama as a model of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.wanted import PlannedFile, WantedAdapter, WantedBase
from locoman.progress import Stages, quiet_stages
from locoman.store.registry import OllamaFile, OllamaModel, StrategyName


@dataclass(frozen=True, slots=True)
class Work:
    """Where models are made: `folder` for files on their way, `records` of what locoman made in this Ollama before."""

    api: OllamaApi
    folder: Path
    stages: Stages = quiet_stages
    records: Sequence[OllamaModel] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A model that was made: its files of weights in their order; of them, `sent` bytes in `uploads` files were sent."""

    files: tuple[OllamaFile, ...] = ()
    sent: int = 0
    uploads: int = 0


class Strategy(Protocol):
    """One way. All but `apply` are quick; nothing here is asked about the base itself, which must be in Ollama."""

    @property
    def name(self) -> StrategyName:
        """As `--strategy` names it."""
        ...

    def unable(self, able: Capabilities) -> str:
        """Why a server with these capabilities cannot, as a sentence; "" when it can."""
        ...

    def plan(self, base: WantedBase, adapter: WantedAdapter, records: Sequence[OllamaModel]) -> tuple[PlannedFile, ...]:
        """The files that the model takes beside the base's own. Raises WrongBase, InvalidFile, Unsupported."""
        ...

    def apply(self, work: Work, base: WantedBase, adapter: WantedAdapter) -> Made:
        """Makes the model, in place of one of the same tag. Raises as `plan`, and OllamaUnavailable, OllamaRefused,
        StoreError, MissingPrerequisite (a full disk); the model is then as it was before, or whole."""
        ...

    def verify(self, api: OllamaApi, base: WantedBase, adapter: WantedAdapter, model: OllamaModel) -> str:
        """What is wrong with the model that Ollama has under this tag, as words that complete "it ..."; "" if it is as
        wanted. Raises OllamaUnavailable, OllamaRefused (404: there is none)."""
        ...

    def remove(self, api: OllamaApi, model: OllamaModel) -> None:
        """Takes the model and what only it needs out of Ollama; nothing happens when it is gone. Raises as `verify`."""
        ...
