"""A suite: cases, how they are asked, and how their answers are scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from locoman.catalog.manifest import EvaluationCase

VOTE_TEMPERATURE = 0.7
"""As in Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning in Language Models"."""
QUESTION, CHOICES = "{question}", "{choices}"

Kind = Literal["generate", "choice"]
"""`generate`: the model answers and the text is scored. `choice`: of the case's choices that which is most probable as
the continuation of the prompt (log-likelihood)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a case becomes before it is asked.

    Args:
        system: a system message; the adapter's own goes before it.
        template: with {question}, and where it is wanted {choices}, which become lines "A. ...".
        repeat_question: give the question twice (RE2).
        examples: (question, answer) pairs shown first, each question in the template too.
        examples_as: `turns` of a conversation, or one `text` with the question at its end.
        separator: between examples in a text. delimiter: between a question and its answer there, and before a choice.
    """

    system: str = ""
    template: str = QUESTION
    repeat_question: bool = False
    examples: tuple[tuple[str, str], ...] = ()
    examples_as: Literal["turns", "text"] = "turns"
    separator: str = "\n\n"
    delimiter: str = " "


@dataclass(frozen=True, slots=True)
class ScorerChoice:
    """Which scorer, and its options."""

    name: str = "exact"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuiteGate:
    """What passing means: at least so many cases, such a score, such a gain over the plain base (shares)."""

    minimum_cases: int = 50
    minimum_score: float = 0.0
    minimum_gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Suite:
    """Everything that decides what is asked and how it is scored; `max_tokens` None leaves the base's own limit.

    `temperature` is that of the scorer "vote", which asks a case several times; all others ask once, greedily.
    `path` and `lines` say where each case stands; they, the name, the description and the gate are not in the digest.
    """

    name: str
    cases: tuple[EvaluationCase, ...]
    kind: Kind = "generate"
    prompt: Prompt = field(default_factory=Prompt)
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    temperature: float = VOTE_TEMPERATURE
    scorer: ScorerChoice = field(default_factory=ScorerChoice)
    gate: SuiteGate = field(default_factory=SuiteGate)
    description: str = ""
    path: Path | None = None
    lines: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """sha256, in hex, over all that changes answers or scores."""
        document = {
            "cases": [(c.question, c.accepted, c.choices, c.tests, c.rubric) for c in self.cases],
            "kind": self.kind,
            "prompt": asdict(self.prompt),
            "stop": self.stop,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "scorer": (self.scorer.name, dict(self.scorer.options)),
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()

    def first(self, limit: int) -> Suite:
        """The suite with its first `limit` cases (0: all of them)."""
        return replace(self, cases=self.cases[:limit], lines=self.lines[:limit]) if limit else self
