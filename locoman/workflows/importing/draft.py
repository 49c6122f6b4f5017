"""What is known of an adapter that somebody else made, before it is a package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import Case
from locoman.names import AdapterRef, BaseRef


@dataclass(frozen=True, slots=True)
class BaseClue:
    """What a thing says of its base: a name of any kind (a repository, a tag, a path) or a GGUF file; "" and None: nothing."""

    name: str = ""
    gguf: Path | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reader found. "" and () stand for what the thing does not tell.

    Args:
        what: what it is, in words ("a Modelfile").
        where: what was typed.
        weights: a PEFT folder, or a LoRA GGUF; None for a system prompt alone.
        examples: questions that are its own; the router learns from them.
        cases: questions with answers that can be scored; `training` those it was trained on.
        notes: what of it is not taken over, in words.
    """

    what: str
    where: str
    base: BaseClue
    weights: Path | None = None
    name: str = ""
    version: str = ""
    domain: str = ""
    description: str = ""
    licence: str = ""
    authors: tuple[str, ...] = ()
    system: str = ""
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    training: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What whoever adds it says; each goes before what the thing tells itself."""

    ref: AdapterRef | None = None
    base: BaseRef | None = None
    domain: str = ""
    description: str = ""
    licence: str = ""
