"""Converts a Hugging Face checkpoint that lies beside its spec: works with no network at all."""

from __future__ import annotations

from pathlib import Path

from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite
from locoman.progress import Progress
from locoman.store.digests import sha256_of
from locoman.workflows.provide.provider import BaseGguf, Offer


class CheckpointProvider:
    """For bases whose checkpoint ships with locoman or was laid beside the spec."""

    name = "local checkpoint"

    def offer(self, spec: BaseSpec) -> Offer:
        """See `Provider`."""
        if spec.checkpoint is None:
            raise MissingPrerequisite(f"No checkpoint of {spec.ref} lies beside its spec.")
        if not spec.checkpoint.is_dir():
            raise MissingPrerequisite(f"The checkpoint {spec.checkpoint} is not there.")
        quantization = spec.spec.runtime.quantization
        return Offer(self.name, f"converted here to GGUF {quantization}", 0, spec.spec.runtime.disk_bytes)

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """See `Provider`."""
        from locoman.weights.convert import convert, plan_conversion

        if spec.checkpoint is None:
            raise MissingPrerequisite(f"No checkpoint of {spec.ref} lies beside its spec.")
        target = staging / "base.gguf"
        convert(plan_conversion(spec.checkpoint, spec.spec.runtime.quantization), target, progress)
        return BaseGguf(target, "converted", sha256_of(target), target.stat().st_size)
