"""Downloads a ready GGUF from the hub: for machines without Ollama."""

from __future__ import annotations

from pathlib import Path

from locoman.catalog.hub import HubFile, find_hub_file
from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite
from locoman.progress import Progress
from locoman.store.digests import sha256_of
from locoman.workflows.provide.provider import BaseGguf, Offer


class HubProvider:
    """For specs that name a GGUF on the hub. `downloads` keeps what has arrived, so that a cut download goes on."""

    name = "Hugging Face hub"

    def __init__(self, downloads: Path) -> None:
        self._downloads = downloads

    def offer(self, spec: BaseSpec) -> Offer:
        """See `Provider`."""
        file = _find(spec)
        name = spec.spec.gguf.file if spec.spec.gguf else ""
        return Offer(self.name, f"{name}, downloaded", file.size, file.size)

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """See `Provider`."""
        from locoman.store.downloads import download

        file = _find(spec)
        sha256 = (spec.spec.gguf.sha256 if spec.spec.gguf else "") or file.sha256 or None
        # Beside the parts, not in the staging folder: a kill before the commit must not cost 2.5 GB again.
        target = self._downloads / f"{sha256 or spec.ref.name}.gguf"
        if sha256 is None or not target.is_file() or sha256_of(target, progress) != sha256:
            download(file.url, target, sha256=sha256, size=file.size, staging=self._downloads, progress=progress)
        return BaseGguf(target, "downloaded", sha256 or sha256_of(target), target.stat().st_size)


def _find(spec: BaseSpec) -> HubFile:
    if spec.spec.gguf is None:
        raise MissingPrerequisite(f"No ready GGUF of {spec.ref} is known on the hub.")
    return find_hub_file(spec.spec.gguf.repository, spec.spec.gguf.revision, spec.spec.gguf.file)
