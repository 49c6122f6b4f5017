"""A model that might be the base: what its spec and its entry among the candidates say of it, in one view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from locoman.catalog.candidates import Candidate, Figure
from locoman.catalog.licences import Licence, find_licence, licence_name
from locoman.catalog.spec import BaseSpec
from locoman.errors import UnknownName
from locoman.names import nearest

BITS_PER_WEIGHT = 5.0
"""Of a Q4_K_M file as a whole: Qwen3-4B takes 4.97, Llama 3.2 3B 5.0. For sizes that nobody tells."""
RUNTIME_BYTES = 500_000_000
KV_SHARE = 0.2
"""What a base takes in memory beside its file: the runtime, and KV cache that grows with the model (Qwen3-4B: 1 GB)."""
FAST_TIER_BILLIONS = 2.0
"""Bases of up to this many billion parameters are the fast tier, for machines with 4 GB."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a model; None, "" and () mean that it is not known.

    Args:
        status: the spec's; "" for a candidate without a spec, which cannot be installed yet.
        quantized_bytes: of the file that is run, quantized as `quantization` says.
        memory_bytes: while it answers; as the spec says.
        facts: where the plain facts were read, and when.
    """

    name: str
    title: str
    kind: Literal["instruct", "base", ""]
    licence: str
    terms: Licence | None
    parameters: float | None
    architecture: str
    quantization: str
    quantized_bytes: int | None
    memory_bytes: int | None
    context: int | None
    vocabulary: int | None
    languages: tuple[str, ...]
    languages_total: int | None
    released: str
    line_released: str
    line_release: str
    gguf: bool
    ollama: str
    repository: str
    tools: tuple[str, ...]
    figures: tuple[Figure, ...]
    facts: str
    status: str

    @property
    def size(self) -> int | None:
        """Bytes of the quantized file: told, else by the parameters (then `size_told` is False)."""
        if self.quantized_bytes is not None:
            return self.quantized_bytes
        return round(self.parameters * BITS_PER_WEIGHT / 8) if self.parameters else None

    @property
    def size_told(self) -> bool:
        """Whether `size` was read and not reckoned."""
        return self.quantized_bytes is not None

    @property
    def memory(self) -> int | None:
        """Bytes it takes while it answers: told by the spec, else its file and the runtime beside it."""
        if self.memory_bytes is not None:
            return self.memory_bytes
        return round(self.size * (1 + KV_SHARE)) + RUNTIME_BYTES if self.size is not None else None

    @property
    def tier(self) -> Literal["fast", "standard", ""]:
        """The fast tier is for machines with 4 GB."""
        if self.parameters is None:
            return ""
        return "fast" if self.parameters <= FAST_TIER_BILLIONS * 1e9 else "standard"

    def figure(self, benchmark: str) -> Figure | None:
        """The first figure of that name."""
        return next((figure for figure in self.figures if figure.benchmark == benchmark), None)


def join(specs: Iterable[BaseSpec], candidates: Iterable[Candidate]) -> tuple[Subject, ...]:
    """Every model that is known, those with a spec first, each once: a spec's own numbers win over the candidate's."""
    listed = {candidate.name: candidate for candidate in candidates}
    subjects = [_subject(spec, listed.pop(spec.ref.name, None)) for spec in specs]
    return (*subjects, *(_subject(None, candidate) for candidate in listed.values()))


def choose(subjects: Sequence[Subject], names: Sequence[str]) -> tuple[Subject, ...]:
    """The named ones in the order of `names`, each once; all when none is named. Raises UnknownName."""
    known = {subject.name: subject for subject in subjects}
    for name in names:
        if name not in known:
            raise UnknownName("base or candidate", name, nearest(name, known))
    return tuple(known[name] for name in dict.fromkeys(names)) if names else tuple(subjects)


def months_between(earlier: str, later: date) -> int:
    """Whole months from a date written as 2025, 2025-06 or 2025-06-30 (a year counts from its end) to `later`."""
    parts = [int(part) for part in earlier.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    return (later.year - year) * 12 + later.month - month


def _subject(spec: BaseSpec | None, candidate: Candidate | None) -> Subject:
    told = spec.spec if spec else None
    listed = candidate
    licence = told.licence if told else listed.licence if listed else ""
    parameters = float(told.parameter_count) if told else listed.parameters_billion * 1e9 if listed else None
    runtime = told.runtime if told else None
    bytes_told = (runtime.disk_bytes or runtime.download_bytes or None) if runtime else None
    return Subject(
        name=told.name if told else listed.name if listed else "",
        title=told.title if told else listed.title if listed else "",
        kind=(told.kind if told else "") or (listed.kind if listed else ""),
        licence=licence_name(licence),
        terms=find_licence(licence),
        parameters=parameters,
        architecture=told.architecture if told else listed.architecture if listed else "",
        quantization=runtime.quantization if runtime else listed.quantization if listed else "",
        quantized_bytes=bytes_told or (listed.quantized_bytes if listed else None),
        memory_bytes=runtime.memory_bytes or None if runtime else None,
        context=(listed.context if listed else None) or (runtime.context if runtime else None),
        vocabulary=listed.vocabulary if listed else None,
        languages=listed.languages if listed else (),
        languages_total=listed.languages_total if listed else None,
        released=(listed.released or "") if listed else "",
        line_released=(listed.line_released or listed.released or "") if listed else "",
        line_release=listed.line_release if listed else "",
        gguf=bool(told and (told.gguf or told.ollama or told.source.folder)) or bool(listed and listed.gguf),
        ollama=told.ollama.tag if told and told.ollama else listed.ollama if listed else "",
        repository=(told.source.repository if told else "") or (listed.repository if listed else ""),
        tools=listed.standard_tools if listed else (),
        figures=listed.figures if listed else (),
        facts=f"{listed.facts}, {listed.facts_date}" if listed else "its spec",
        status=told.status if told else "",
    )
