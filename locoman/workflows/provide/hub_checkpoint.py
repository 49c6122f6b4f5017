"""Fetches a checkpoint from the hub and converts it here: for bases of which nobody offers a GGUF."""

from __future__ import annotations

from pathlib import Path

from locoman.catalog.hub_checkpoint import find_hub_checkpoint
from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite
from locoman.progress import Progress
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.workflows.fetch_checkpoint import fetch_checkpoint
from locoman.workflows.provide.provider import BaseGguf, Offer


class HubCheckpointProvider:
    """For specs that name a repository and no ready GGUF. What was fetched stays in downloads: training needs it too."""

    name = "checkpoint on the hub"

    def __init__(self, home: Home) -> None:
        self._home = home

    def offer(self, spec: BaseSpec) -> Offer:
        """See `Provider`."""
        source = spec.spec.source
        if not source.repository or spec.spec.gguf is not None:
            raise MissingPrerequisite(f"The checkpoint of {spec.ref} is not what it is made of.")
        found = find_hub_checkpoint(source.repository, source.revision or "main")
        runtime = spec.spec.runtime
        sentence = f"{source.repository}, downloaded and converted here to GGUF {runtime.quantization}"
        return Offer(self.name, sentence, found.bytes, found.bytes + runtime.disk_bytes)

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """See `Provider`."""
        from locoman.weights.convert import convert, plan_conversion

        source = spec.spec.source
        folder = fetch_checkpoint(
            self._home, find_hub_checkpoint(source.repository, source.revision or "main"), lambda title: progress
        )
        target = staging / "base.gguf"
        convert(plan_conversion(folder, spec.spec.runtime.quantization), target, progress)
        return BaseGguf(target, "converted", sha256_of(target), target.stat().st_size)
