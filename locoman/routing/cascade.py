"""The router: runs its stages in order until one decides."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from locoman.contracts import Candidate, Decision, Message
from locoman.routing.stages.keywords import KeywordStage
from locoman.routing.stages.lexical import LexicalModel, LexicalStage
from locoman.routing.stages.stage import Stage

BASE = "base"  # the stage named in a decision that no stage took


@dataclass(frozen=True, slots=True)
class AdapterRule:
    """What an adapter declares about its routing: see `examples.AdapterExamples`."""

    name: str
    keywords: tuple[str, ...] = ()
    minimum_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class RouterModel:
    """All that a router knows; `lexical` is None when no adapter gave an example."""

    adapters: tuple[AdapterRule, ...]
    lexical: LexicalModel | None


class Router:
    """A `contracts.Decider` over a cascade of stages."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        """`stages` are asked in order; the first that does not pass on decides."""
        self._stages = tuple(stages)

    @classmethod
    def of(cls, model: RouterModel) -> Router:
        """The router that a fitted model describes."""
        stages: list[Stage] = [KeywordStage({rule.name: rule.keywords for rule in model.adapters})]
        if model.lexical is not None:
            required = {rule.name: rule.minimum_confidence for rule in model.adapters}
            stages.append(LexicalStage(model.lexical, required))
        return cls(stages)

    def decide(self, question: str, history: Sequence[Message] = ()) -> Decision:
        """The first word of a stage, likeliest candidate first, with the time it took; the base when all pass on."""
        begun = time.perf_counter()
        decided = (decision for stage in self._stages if (decision := stage.decide(question, history)) is not None)
        decision = next(decided, None) or Decision(None, 1.0, BASE, (Candidate(None, 1.0),))
        candidates = tuple(sorted(decision.candidates, key=lambda candidate: -candidate.probability))
        return replace(decision, candidates=candidates, route_ms=(time.perf_counter() - begun) * 1000)
