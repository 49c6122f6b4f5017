"""Does every tensor of the LoRA have its place in the new base, with the same shape?"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from locoman.catalog.manifest import LORA_GGUF
from locoman.errors import InvalidFile, WrongBase
from locoman.migration.evidence import Finding
from locoman.migration.subject import Candidate, Subject
from locoman.weights.lora import fit_lora
from locoman.weights.lora_base import LoraBase
from locoman.weights.lora_gguf import open_lora_gguf


class Structure:
    """Reads the headers of the adapter's files and the names and shapes of the base, no weights."""

    name: Literal["structure"] = "structure"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "fits", "prompt only", "does not fit", "broken"."""
        if adapter.weights is None:
            return Finding("pass", "prompt only", "It has no weights that would have to fit.")
        try:
            pairs = _place(adapter.weights, candidate.tensors)
        except WrongBase as error:
            return Finding("fail", "does not fit", f"Its weights do not fit {candidate.name}: {error.detail}.")
        except InvalidFile as error:
            return Finding("fail", "broken", f"Its weights cannot be used: {str(error).rstrip('.')}.")
        detail = f"All {pairs} pairs of its LoRA have their place in {candidate.name}."
        return Finding("pass", "fits", detail, {"pairs": pairs})


def _place(weights: Path, base: LoraBase) -> int:
    """The number of pairs of the LoRA, if all fit. Raises WrongBase, InvalidFile, Unsupported, StoreError."""
    ready = weights / LORA_GGUF
    if not ready.is_file() or (weights / "adapter_config.json").is_file():
        return len(fit_lora(weights, base))
    shapes = {tensor.target: tensor.shape for tensor in base.tensors.values()}
    with open_lora_gguf(ready) as lora:
        lora.check(base.name, base.architecture, shapes)
        return len(lora.pairs)
