"""One model in Ollama beside its record and what it should be: what was found, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.ollama.api import Installed, OllamaApi
from locoman.store.registry import OllamaModel

Finding = Literal["fine", "new", "deleted", "changed", "unfinished", "outdated", "lost", "damaged", "taken"]
Action = Literal["keep", "make", "set aside", "make anew", "forget", "delete", "leave"]

PULLED = "pulled"
"""The recipe of a base that was pulled: it is what Ollama's library says."""

SENTENCES: dict[Finding, str] = {
    "fine": "{tag} is as it should be.",
    "new": "{what} is not in Ollama yet.",
    "deleted": "{tag} was deleted in Ollama.",
    "changed": "{tag} was changed in Ollama by somebody else.",
    "unfinished": "{tag} was not finished.",
    "outdated": "{tag} in Ollama is made of an older state of {what} or of the base.",
    "lost": "A file of {tag} is missing in Ollama.",
    "damaged": "A file of {tag} in Ollama has another size than it had.",
    "taken": "There is a model {tag} in Ollama already, and it is not locoman's.",
}

ACTIONS: dict[Finding, Action] = {
    "fine": "keep",
    "new": "make",
    "deleted": "make",
    "changed": "set aside",
    "unfinished": "make",
    "outdated": "make",
    "lost": "make",
    "damaged": "make anew",
    "taken": "leave",
}
"""What a sync does about each finding where the model is wanted."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an Ollama holds: its models by their names in lower case; `folder` its blobs, where they can be seen from here."""

    api: OllamaApi
    models: Mapping[str, Installed]
    folder: Path | None

    @classmethod
    def of(cls, api: OllamaApi, folder: Path | None = None) -> Holdings:
        """Asks for the list. Raises OllamaUnavailable, OllamaRefused."""
        return cls(api, {model.name.lower(): model for model in api.tags()}, folder)

    def manifest(self, tag: str) -> str:
        """The sha256 of the model's manifest, "" when there is none."""
        found = self.models.get(tag.lower())
        return found.digest if found is not None else ""

    def find_out(self, tag: str, record: OllamaModel | None, recipe: str) -> Finding:
        """Compares the model with its record and with what it should be made of ("": whatever it is made of)."""
        there = self.manifest(tag)
        if record is None:
            return "taken" if there else "new"
        if not record.recipe:
            return "unfinished"
        if there != record.manifest:
            return "changed" if there else "deleted"
        states = {self._file_state(file.sha256, file.bytes) for file in record.files}
        if "damaged" in states:
            return "damaged"
        if "lost" in states:
            return "lost"
        return "outdated" if recipe and record.recipe != recipe else "fine"

    def _file_state(self, sha256: str, size: int) -> Literal["fine", "lost", "damaged"]:
        if not self.api.has_blob(sha256):
            return "lost"
        path = self.folder / f"sha256-{sha256}" if self.folder is not None else None
        try:
            return "fine" if path is None or path.stat().st_size == size else "damaged"
        except OSError:
            return "fine"  # Ollama sees it, and what cannot be looked at from here is not judged
