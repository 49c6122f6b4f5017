from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from locoman.contracts import Candidate, Chunk, Decision, Message, Request, Residency
from locoman.errors import EngineUnavailable
from locoman.names import BASE
from locoman.routing.cascade import Router
from locoman.routing.stages.arbiter import Arbiter, letters
from locoman.routing.stages.verdict import Demands

CLOSE = Decision(
    "b", 0.4, "encoder", (Candidate("a", 0.35), Candidate("b", 0.4), Candidate(None, 0.2), Candidate("c", 0.05))
)
DESCRIPTIONS = {"a": "Sums of numbers", "b": "Dates and weekdays", "c": "Spelling"}


@dataclass
class Chooses:
    """An engine that gives these probabilities to the options it is asked about."""

    probabilities: Sequence[float]
    asked: list[tuple[Request, tuple[str, ...]]] = field(default_factory=list)

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        self.asked.append((request, tuple(options)))
        return self.probabilities

    def chat(self, request: Request) -> Iterator[Chunk]:
        raise AssertionError

    def resident(self) -> Residency | None:
        return None


def test_where_it_is_close_the_base_decides_and_both_opinions_count() -> None:
    engine = Chooses([0.7, 0.1, 0.1, 0.1])  # by name, none last
    decision = Arbiter(engine, DESCRIPTIONS).review("when and how much", CLOSE)
    assert (decision.adapter, decision.stage) == ("a", "arbiter")
    assert sum(candidate.probability for candidate in decision.candidates) == pytest.approx(1)
    assert decision.confidence == max(candidate.probability for candidate in decision.candidates)
    ((request, options),) = engine.asked
    assert request.model == BASE
    assert options == ("A", "B", "C", "D")
    prompt = request.messages[0].content
    assert prompt.index("A: Sums of numbers") < prompt.index("B: Dates and weekdays") < prompt.index("D: none")


def test_the_base_can_say_that_it_is_nobodys() -> None:
    assert Arbiter(Chooses([0.05, 0.05, 0.05, 0.85]), DESCRIPTIONS).review("hello", CLOSE).adapter is None


def test_a_clear_decision_is_left_alone() -> None:
    engine = Chooses([])
    clear = Decision("a", 0.9, "encoder", (Candidate("a", 0.9), Candidate(None, 0.1)))
    assert Arbiter(engine, DESCRIPTIONS).review("1 + 1", clear) is clear
    assert engine.asked == []


def test_an_engine_that_cannot_answer_or_has_no_opinion_changes_nothing() -> None:
    class Gone(Chooses):
        def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
            raise EngineUnavailable("gone")

    assert Arbiter(Gone([]), DESCRIPTIONS).review("1 + 1", CLOSE) is CLOSE
    assert Arbiter(Chooses([0.0] * 4), DESCRIPTIONS).review("1 + 1", CLOSE) is CLOSE


def test_an_adapter_that_asks_to_be_surer_is_not_taken_on_the_bases_word() -> None:
    says_a = [0.7, 0.1, 0.1, 0.1]
    demands = Demands({"a": 0.95})
    reviewed = Arbiter(Chooses(says_a), DESCRIPTIONS).review("when and how much", CLOSE, demands)
    assert (reviewed.adapter, reviewed.stage) == (None, "arbiter")
    assert Arbiter(Chooses(says_a), DESCRIPTIONS).review("1 + 1", CLOSE, Demands({"a": 0.5})).adapter == "a"
    costly = Arbiter(Chooses(says_a), DESCRIPTIONS).review("1 + 1", CLOSE, Demands({}, wrong_cost=30.0))
    assert costly.adapter is None


class Unsure:
    """A stage that can never tell."""

    def decide(self, question: str, history: Sequence[Message]) -> Decision:
        return CLOSE


def test_a_conversation_asks_the_base_once_about_each_question() -> None:
    engine = Chooses([0.7, 0.1, 0.1, 0.1])
    router = Router([Unsure()], Arbiter(engine, DESCRIPTIONS))
    turns: tuple[Message, ...] = ()
    for question in ("the first question of them all", "a second question is asked", "a third question is asked"):
        assert router.decide(question, turns).adapter == "a"
        turns = (*turns, Message("user", question), Message("assistant", "So it is."))
    assert len(engine.asked) == 3


def test_a_base_that_failed_once_is_asked_again() -> None:
    class Recovers(Chooses):
        def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
            if not self.asked:
                self.asked.append((request, tuple(options)))
                raise EngineUnavailable("not yet")
            return super().choose(request, options)

    router = Router([Unsure()], Arbiter(Recovers([0.7, 0.1, 0.1, 0.1]), DESCRIPTIONS))
    assert router.decide("1 + 1").stage == "encoder"
    assert router.decide("1 + 1").stage == "arbiter"


def test_nobody_to_choose_among_leaves_one_letter() -> None:
    assert letters(()) == ["A"]
    assert letters(("x", "y", "z")) == ["A", "B", "C", "D"]
