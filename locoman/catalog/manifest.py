"""An adapter package: a folder with adapter.toml and what it names. Nothing in it is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from locoman.catalog.recipe import Recipe, Share
from locoman.contracts import Target
from locoman.documents import read_jsonl, read_toml
from locoman.errors import InvalidFile, LocomanError
from locoman.names import AdapterRef, BaseRef, Version, check_name

MAX_EXAMPLES = 100_000
Option = str | int | float | bool | list[str] | dict[str, Any]
"""A value of a scorer's option, as TOML has them."""
LORA_GGUF = "adapter.gguf"
"""The name of weights that come as a LoRA GGUF, with no PEFT files."""


class BaseRequirement(Struct, frozen=True, forbid_unknown_fields=True):
    """The base an adapter was made for; `fingerprint` "" only where there are no weights."""

    name: str
    fingerprint: str = ""

    @property
    def ref(self) -> BaseRef:
        """The base's name, parsed."""
        return BaseRef.parse(self.name)


class PromptSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is put around the question: a system message, and whether the question is given twice (RE2)."""

    system: Annotated[str, Meta(max_length=8000)] = ""
    repeat_question: bool = False


class RoutingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Phrases that always mean this adapter, and the confidence below which the base answers instead."""

    keywords: tuple[Annotated[str, Meta(min_length=2, max_length=200)], ...] = ()
    minimum_confidence: Share = 0.0


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """The test an adapter must pass: scores are shares of cases, `minimum_gain` is over the plain base.

    `options` are those of the scorer.

    With `minimum_cases` 0 there need be no evaluation set: for adapters that somebody else made without one.
    """

    suite: str = "eval.jsonl"
    scorer: str = "exact"
    options: dict[str, Option] = field(default_factory=dict)
    minimum_cases: Annotated[int, Meta(ge=0)] = 50
    minimum_score: Share = 0.0
    minimum_gain: Share = 0.0


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """adapter.toml."""

    format: Literal[1]
    name: str
    version: str
    domain: str
    description: Annotated[str, Meta(min_length=1, max_length=500)]
    licence: Annotated[str, Meta(min_length=1, max_length=200)]
    authors: tuple[str, ...]
    kind: Literal["lora", "prompt"]
    base: BaseRequirement
    training: Recipe | None = None
    prompt: PromptSettings = field(default_factory=PromptSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    gate: Gate = field(default_factory=Gate)

    @property
    def ref(self) -> AdapterRef:
        """The adapter's name and version."""
        return AdapterRef(self.name, Version.parse(self.version))


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of train.jsonl: a question and its answer; `answers` lists further ones that are as good."""

    question: Annotated[str, Meta(min_length=1)]
    answer: str
    answers: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """All answers that count as right."""
        return (self.answer, *self.answers)

    @property
    def target(self) -> Target:
        """What an answer to it is held against."""
        return Target(self.accepted, self.question)


class EvaluationCase(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of eval.jsonl or of a suite: a question and what its answer is held against.

    `answers` lists further answers that count; `choices` are those offered, `tests` are what code must pass, `rubric` is
    what a judge looks at. An `answer` that is "" is right where nothing should be said (SQuAD 2).
    """

    question: Annotated[str, Meta(min_length=1)]
    answer: str | None = None
    answers: tuple[str, ...] = ()
    choices: Annotated[tuple[str, ...], Meta(max_length=26)] = ()
    tests: str = ""
    rubric: str = ""

    def __post_init__(self) -> None:
        """What msgspec cannot check alone; it tells a ValueError as a line that cannot be a case."""
        if not self.question.strip():
            raise ValueError("The question is empty")
        if not (self.accepted or self.tests or self.rubric):
            raise ValueError("A case needs an answer, tests or a rubric")

    @property
    def accepted(self) -> tuple[str, ...]:
        """All answers that count as right."""
        return tuple(dict.fromkeys(text for text in (self.answer, *self.answers) if text is not None))

    @property
    def target(self) -> Target:
        """What an answer to it is held against."""
        return Target(self.accepted, self.question, self.choices, self.tests, self.rubric)


class RoutingLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of routing.jsonl: a question that is, or is not, this adapter's."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    mine: bool


@dataclass(frozen=True, slots=True)
class AdapterPackage:
    """A package folder whose manifest has been read and checked."""

    folder: Path
    manifest: Manifest

    @property
    def weights(self) -> Path | None:
        """The folder with the weights for the package's base: PEFT's files, or LORA_GGUF; None for a prompt-only adapter."""
        return self.folder / "weights" / self.manifest.base.name if self.manifest.kind == "lora" else None

    @property
    def evaluation_path(self) -> Path:
        """The file of the evaluation set. Raises InvalidFile when it is not in the package."""
        return self._inside(self.manifest.gate.suite)

    def cases(self) -> tuple[EvaluationCase, ...]:
        """The evaluation set, as large as the gate asks; () when it asks for none and none is there. Raises InvalidFile."""
        path = self.evaluation_path
        if self.manifest.gate.minimum_cases == 0 and not path.exists():
            return ()
        cases = tuple(read_jsonl(path, EvaluationCase))
        if len(cases) < self.manifest.gate.minimum_cases:
            raise InvalidFile(path, f"{len(cases)} cases, and the gate asks for {self.manifest.gate.minimum_cases}")
        return cases

    def routing(self) -> tuple[RoutingLine, ...]:
        """The example questions. Raises InvalidFile."""
        lines = tuple(read_jsonl(self.folder / "routing.jsonl", RoutingLine))
        if len(lines) > MAX_EXAMPLES:
            raise InvalidFile(self.folder / "routing.jsonl", f"more than {MAX_EXAMPLES} examples")
        return lines

    def _inside(self, name: str) -> Path:
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InvalidFile(self.folder / "adapter.toml", f"{name!r} leaves the package's folder")
        return path


def read_package(folder: Path) -> AdapterPackage:
    """Reads and checks a package folder's manifest. Raises InvalidFile, UnknownKey."""
    path = folder / "adapter.toml"
    manifest = read_toml(path, Manifest)
    try:
        AdapterRef(check_name(manifest.name, "an adapter"), Version.parse(manifest.version))
        check_name(manifest.domain, "a domain")
        BaseRef.parse(manifest.base.name)
    except LocomanError as error:
        raise InvalidFile(path, str(error).rstrip(".")) from error
    if manifest.kind == "lora" and not manifest.base.fingerprint:
        raise InvalidFile(path, "an adapter with weights must carry the fingerprint of its base")
    if manifest.kind == "prompt" and not (manifest.prompt.system or manifest.prompt.repeat_question):
        raise InvalidFile(path, "a prompt-only adapter needs a system prompt or a repeated question")
    return AdapterPackage(folder, manifest)
