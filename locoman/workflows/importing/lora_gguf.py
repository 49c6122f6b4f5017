"""A bare LoRA GGUF: pairs of matrices for an architecture, with nothing that says for which model."""

from __future__ import annotations

from pathlib import Path

from locoman.errors import Unsupported
from locoman.weights.gguf import GgufFile
from locoman.workflows.importing.draft import BaseClue, Draft


def read_lora_file(path: Path, where: str) -> Draft:
    """Raises InvalidFile, Unsupported (a whole model, not an adapter), StoreError."""
    with GgufFile.open(path) as file:
        if file.text("general.type", "model") != "adapter":
            raise Unsupported(path, "a whole model in GGUF, with no adapter that could be taken out of it")
        base = file.text("general.base_model.0.repo_url", "") or file.text("general.base_model.0.name", "")
        licence, author = file.text("general.license", ""), file.text("general.author", "")
        description = file.text("general.description", "")  # general.name is but the folder it was converted from
    authors = (author[:200],) if author else ()
    return Draft(
        "a LoRA in GGUF", where, BaseClue(base[:300]), path, description=description[:500],
        licence=licence[:200], authors=authors,
    )  # fmt: skip
