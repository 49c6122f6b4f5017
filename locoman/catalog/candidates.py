"""modelfiles/candidates.toml: models that could be the next base, with what others measured of them.

A figure that is not known is absent. Each that is there says where it was read and of when it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from locoman.documents import read_toml
from locoman.errors import InvalidFile, LocomanError
from locoman.names import BaseRef

FILE_NAME = "candidates.toml"

Day = Annotated[str, Meta(pattern=r"^20\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$")]
"""A date as exact as it is known: 2025, 2025-06 or 2025-06-30."""
Bytes = Annotated[int, Meta(gt=0)]
Text = Annotated[str, Meta(min_length=1)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody measured. `unit`: "%" (more is better) or "rank" (1 is best, among the models of that study)."""

    benchmark: Text
    value: float
    source: Text
    date: Day
    unit: Literal["%", "rank"] = "%"
    settings: str = ""


class Candidate(Struct, frozen=True, forbid_unknown_fields=True):
    """A model.

    `facts` is where the plain facts (sizes, context, languages, licence, release) were read, `facts_date` when.
    `quantized_bytes` is its size as `quantization`; `vocabulary` counts tokens; `languages` are ISO 639 codes that its makers
    name, `languages_total` how many they say there are. `gguf` names a repository with ready files; `standard_tools` are
    trainers known to take it.
    """

    name: str
    title: Text
    kind: Literal["instruct", "base"]
    licence: Text
    facts: Text
    facts_date: Day
    parameters_billion: Annotated[float, Meta(gt=0)]
    repository: str = ""
    architecture: str = ""
    quantized_bytes: Bytes | None = None
    quantization: str = "Q4_K_M"
    context: Annotated[int, Meta(ge=64)] | None = None
    vocabulary: Annotated[int, Meta(gt=0)] | None = None
    languages: tuple[Language, ...] = ()
    languages_total: Annotated[int, Meta(gt=0)] | None = None
    released: Day | None = None
    line_released: Day | None = None
    line_release: str = ""
    gguf: str = ""
    ollama: str = ""
    standard_tools: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()

    @property
    def ref(self) -> BaseRef:
        """Its name, as a spec of it would have."""
        return BaseRef(self.name)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    candidates: tuple[Candidate, ...]


def read_candidates(path: Path) -> tuple[Candidate, ...]:
    """All candidates of a file, in its order. Raises InvalidFile, UnknownKey."""
    found = read_toml(path, _File).candidates
    seen: set[str] = set()
    for candidate in found:
        try:
            BaseRef.parse(candidate.name)
        except LocomanError as error:
            raise InvalidFile(path, str(error).rstrip(".")) from error
        if candidate.name in seen:
            raise InvalidFile(path, f"two candidates are called {candidate.name!r}")
        seen.add(candidate.name)
    return found
