"""Asks one question per adapter after an installation: does each answer, and answer right?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from locoman.catalog.manifest import Gate
from locoman.contracts import Engine, Message, Request, Sampling, Target
from locoman.errors import EngineError, MissingPrerequisite, ScorerFailed
from locoman.names import AdapterRef, ModelName
from locoman.scoring import build_scorer
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry
from locoman.workflows.ask import whole_answer
from locoman.workflows.collection import active_packages

MAX_TOKENS = 64


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The first case of an adapter's own evaluation set, and what the adapter answered.

    `ok`: a trained adapter gave the accepted answer; a prompt-only one, for which nothing is promised, gave any.
    """

    adapter: str
    question: str
    answer: str
    expected: str
    ok: bool
    prompt_only: bool


def self_check(engine: Engine, home: Home, registry: Registry, base: InstalledBase) -> Iterator[SelfCheck]:
    """One check per active adapter of `base` that has cases, as it is done. An engine that fails is a check that failed."""
    for package in active_packages(home, registry, base):
        case = next(iter(package.cases()), None)
        if case is None:
            continue
        model = ModelName("adapter", AdapterRef(package.manifest.name))
        sampling = Sampling(max_tokens=MAX_TOKENS, temperature=0.0, seed=0)
        prompt_only = package.manifest.kind == "prompt"
        try:
            answer = whole_answer(engine.chat(Request((Message("user", case.question),), model, sampling))).text
            ok = bool(answer) if prompt_only else _right(package.manifest.gate, answer, case.target)
        except EngineError as error:
            answer, ok = str(error), False
        yield SelfCheck(package.manifest.name, case.question, answer, case.answer or "", ok, prompt_only)


def _right(gate: Gate, answer: str, target: Target) -> bool:
    """Whether the answer passes; any answer does where that cannot be told here (no sandbox, no judge, a package missing)."""
    try:
        return build_scorer(gate.scorer, gate.options).score(answer, target).value >= 0.5
    except (MissingPrerequisite, ScorerFailed):
        return bool(answer)
