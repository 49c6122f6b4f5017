"""A base's very file that Ollama has already: so that there need be no second copy of it."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.catalog.spec import BaseSpec
from locoman.errors import OllamaRefused, OllamaUnavailable
from locoman.progress import Progress
from locoman.workflows.provide.provider import BaseGguf


@dataclass(frozen=True, slots=True)
class ReadyBases:
    """Looks into the Ollama at `url`, which need not be there."""

    url: str

    def find(self, spec: BaseSpec, sha256: str) -> bool:
        """Whether Ollama has the spec's tag with a readable file that bears this digest in its name."""
        return self._locate(spec, sha256, None) is not None

    def verified(self, spec: BaseSpec, sha256: str, progress: Progress) -> BaseGguf | None:
        """The file, read and compared; None where there is none."""
        return self._locate(spec, sha256, progress)

    def _locate(self, spec: BaseSpec, sha256: str, progress: Progress | None) -> BaseGguf | None:
        from locoman.ollama.api import OllamaApi
        from locoman.ollama.base_file import BaseFile, locate_base

        if spec.spec.ollama is None:
            return None
        try:
            with OllamaApi(self.url) as api:
                found = locate_base(api, spec.spec.ollama.tag)
                if progress is not None and isinstance(found, BaseFile) and found.sha256 == sha256:
                    found = locate_base(api, spec.spec.ollama.tag, verify=True, progress=progress)
        except (OllamaUnavailable, OllamaRefused):
            return None
        if not isinstance(found, BaseFile) or found.sha256 != sha256:
            return None
        return BaseGguf(found.path, "ollama", found.sha256, found.size)
