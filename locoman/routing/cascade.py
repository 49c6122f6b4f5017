"""The router: runs its stages in order until one decides."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import replace

from locoman.contracts import Candidate, Decision, Message
from locoman.routing import conversation
from locoman.routing.common_words import words_of
from locoman.routing.latest import Latest
from locoman.routing.models import Encoder, Learnt, RouterModel
from locoman.routing.stages.arbiter import NAME as ARBITER
from locoman.routing.stages.arbiter import Arbiter
from locoman.routing.stages.encoder import EncoderStage
from locoman.routing.stages.keywords import KeywordStage
from locoman.routing.stages.lexical import LexicalStage
from locoman.routing.stages.said import SaidStage, digest
from locoman.routing.stages.stage import Stage
from locoman.routing.stages.verdict import Demands

BASE = "base"  # the stage named in a decision that no stage took
REMEMBERED = 512  # decisions about earlier questions, of some conversations


class Router:
    """A `contracts.Decider` over a cascade of stages."""

    def __init__(
        self,
        stages: Sequence[Stage],
        arbiter: Arbiter | None = None,
        demands: Demands | None = None,
        learnt: Learnt | None = None,
    ) -> None:
        """`stages` are asked in order; the first that does not pass on decides. The arbiter is asked when it is unsure;
        `demands` hold for what it says as well, and in a conversation, where the words of what was `learnt` count too."""
        self.stages = tuple(stages)
        self._arbiter = arbiter
        self._demands = demands
        self._learnt = learnt
        self._arbitrated = Latest[Decision](REMEMBERED)
        self._earlier = Latest[Decision](REMEMBERED)

    @classmethod
    def of(cls, model: RouterModel, encoder: Encoder | None = None, arbiter: Arbiter | None = None) -> Router:
        """The router that a fitted model describes; without the encoder that it was fitted with, words alone decide."""
        stages: list[Stage] = [
            SaidStage(dict(model.said)),
            KeywordStage({rule.name: rule.keywords for rule in model.adapters}),
        ]
        demands = demands_of(model)
        learnt = model.learnt
        if learnt is not None and learnt.meaning is not None and encoder is not None:
            stages.append(EncoderStage(learnt, learnt.meaning, encoder, demands))
        if learnt is not None:
            stages.append(LexicalStage(learnt, demands))
        return cls(stages, arbiter, demands, learnt)

    def decide(self, question: str, history: Sequence[Message] = ()) -> Decision:
        """The first word of a stage, likeliest candidate first, with the time it took; the base when all pass on.

        After a `history` a question that leans on it stays with the adapter of its conversation; see `conversation`.
        """
        begun = time.perf_counter()
        decision = self.alone(question)
        if history:
            demands = self._demands or Demands({})
            decision = conversation.settle(question, history, decision, self._recalled, demands, self._words)
        candidates = tuple(sorted(decision.candidates, key=lambda candidate: -candidate.probability))
        return replace(decision, candidates=candidates, route_ms=(time.perf_counter() - begun) * 1000)

    def alone(self, question: str) -> Decision:
        """As `decide`, for a question that stands for itself."""
        decided = (decision for stage in self.stages if (decision := stage.decide(question, ())) is not None)
        decision = next(decided, None) or Decision(None, 1.0, BASE, (Candidate(None, 1.0),))
        return decision if self._arbiter is None else self._reviewed(self._arbiter, question, decision)

    @functools.cached_property
    def _words(self) -> frozenset[str]:
        """Of the adapters' examples."""
        if self._learnt is None:
            return frozenset()
        adapters = self._learnt.texts[: int(self._learnt.lexical.owners.starts[-2])]
        return frozenset().union(*map(words_of, adapters))

    def _recalled(self, question: str) -> Decision:
        """As `alone`, for a question before: it comes again with each new one."""
        key = digest(question)
        return self._earlier.get(key) or self._earlier.keep(key, self.alone(question))

    def _reviewed(self, arbiter: Arbiter, question: str, decision: Decision) -> Decision:
        known = self._arbitrated.get(question)
        if known is not None:
            return known
        reviewed = arbiter.review(question, decision, self._demands)
        return self._arbitrated.keep(question, reviewed) if reviewed.stage == ARBITER else reviewed


def demands_of(model: RouterModel) -> Demands:
    """What the adapters and the user demand before an adapter is taken."""
    return Demands({rule.name: rule.minimum_confidence for rule in model.adapters}, model.wrong_cost)
