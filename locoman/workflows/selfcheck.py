"""Asks one question per adapter after an installation: does each answer, and answer right?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from locoman.contracts import Engine, Message, Request, Sampling
from locoman.errors import EngineError
from locoman.names import AdapterRef, ModelName
from locoman.scoring import find_scorer
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
            right = find_scorer(package.manifest.gate.scorer).score(answer, case.target).value == 1.0
            ok = bool(answer) if prompt_only else right
        except EngineError as error:
            answer, ok = str(error), False
        yield SelfCheck(package.manifest.name, case.question, answer, case.answer, ok, prompt_only)
