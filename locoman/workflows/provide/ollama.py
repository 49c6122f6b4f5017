"""Lets Ollama bring the base, and runs on Ollama's own file: no second copy."""

from __future__ import annotations

from pathlib import Path

from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite, OllamaRefused
from locoman.ollama.api import OllamaApi
from locoman.ollama.base_file import BaseFile, Unreadable, locate_base
from locoman.ollama.tag import OllamaTag
from locoman.progress import Progress
from locoman.store.registry import OllamaFile, OllamaModel
from locoman.workflows.ollama_models import PULLED, Holdings
from locoman.workflows.provide.provider import BaseGguf, Offer


class OllamaProvider:
    """For bases that have a tag in Ollama's library. `url` as OLLAMA_HOST is resolved."""

    name = "Ollama"

    def __init__(self, url: str) -> None:
        self._url = url

    def offer(self, spec: BaseSpec) -> Offer:
        """See `Provider`."""
        tag = _tag(spec)
        with OllamaApi(self._url) as api:
            version = api.version()
            found = _find(api, tag)
        if isinstance(found, Unreadable):
            raise MissingPrerequisite(found.sentence, found.remedy)
        if isinstance(found, BaseFile):
            return Offer(self.name, f"Ollama {version} has {tag}; its own file is used", 0, 0)
        return Offer(
            self.name, f"pulled as {tag} by Ollama {version}; its own file is used", spec.spec.runtime.download_bytes, 0
        )

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """See `Provider`. A pull that was cut goes on where it stopped: Ollama keeps what has arrived."""
        tag = _tag(spec)
        with OllamaApi(self._url) as api:
            absent = _find(api, tag) is None
            if absent:
                api.pull(tag, progress)
            found = locate_base(api, tag, verify=True, progress=progress)
            manifest = Holdings.of(api).manifest(str(OllamaTag.parse(tag)))
        if isinstance(found, Unreadable):
            raise MissingPrerequisite(found.sentence, found.remedy)
        files = (OllamaFile(found.sha256, found.size),)
        record = OllamaModel(str(OllamaTag.parse(tag)), spec.ref.name, "", "pulled", PULLED, manifest, files)
        return BaseGguf(found.path, "ollama", found.sha256, found.size, record if absent else None)


def _tag(spec: BaseSpec) -> str:
    if spec.spec.ollama is None:
        raise MissingPrerequisite(f"{spec.ref} has no tag in Ollama's library.")
    return spec.spec.ollama.tag


def _find(api: OllamaApi, tag: str) -> BaseFile | Unreadable | None:
    """Where the model's file is; None when Ollama does not have the model."""
    try:
        return locate_base(api, tag)
    except OllamaRefused as error:
        if error.status == 404:
            return None
        raise
