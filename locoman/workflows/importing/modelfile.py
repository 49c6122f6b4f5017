"""A Modelfile that somebody else wrote: its ADAPTER, or its SYSTEM alone, becomes an adapter of the base its FROM names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from locoman.errors import InvalidFile
from locoman.ollama.modelfile.check_files import named_file, place
from locoman.ollama.modelfile.parse import read_modelfile
from locoman.ollama.modelfile.value import Modelfile
from locoman.workflows.importing.draft import BaseClue, Draft

MAX_SYSTEM = 8000
MAX_SPDX = 40


def read_modelfile_draft(path: Path, where: str) -> Draft:
    """Raises InvalidFile with the line, StoreError."""
    modelfile = read_modelfile(path)
    base = modelfile.froms[0]
    file = named_file(base, path.parent)
    weights = place(modelfile.adapters[-1], path.parent) if modelfile.adapters else None
    if weights is not None and not weights.exists():
        raise InvalidFile(
            path, f"its ADAPTER {str(weights)[:200]} is not there", line=modelfile.all("ADAPTER")[-1].line
        )
    system = (modelfile.system or "").strip()
    if weights is None and not system:
        raise InvalidFile(path, "it has neither an ADAPTER nor a SYSTEM, so there is nothing to take from it")
    return Draft(
        "a Modelfile", where, BaseClue(base if file is None else "", file), weights, system=system[:MAX_SYSTEM],
        licence=licence_of(modelfile.licences), notes=tuple(left_out(modelfile)),
    )  # fmt: skip


def licence_of(texts: tuple[str, ...]) -> str:
    """The name of the licence, where one stands there, and not a whole text."""
    name = texts[0].strip() if texts else ""
    return name if len(name) <= MAX_SPDX and "\n" not in name else ""


def left_out(modelfile: Modelfile) -> Iterator[str]:
    """What a package has no place for."""
    if modelfile.template is not None or modelfile.renderer is not None:
        yield "its template is not taken over: prompts are written as the base's spec says"
    if modelfile.parameters:
        yield "its parameters are not taken over: " + ", ".join(sorted({name for name, _ in modelfile.parameters}))
    if modelfile.messages:
        yield "its example messages are not taken over"
    if len(modelfile.adapters) > 1:
        yield "of its several adapters the last is taken, as Ollama does"
