from __future__ import annotations

from collections.abc import Sequence

from locoman.contracts import Candidate, Decision, Message
from locoman.routing.cascade import Router


class Says:
    """A stage that always gives one word, and remembers what it was asked."""

    def __init__(self, decision: Decision | None) -> None:
        self.decision = decision
        self.asked: list[tuple[str, Sequence[Message]]] = []

    def decide(self, question: str, history: Sequence[Message]) -> Decision | None:
        self.asked.append((question, history))
        return self.decision


UNSURE = Decision("b", 0.6, "test", (Candidate("a", 0.1), Candidate("b", 0.6), Candidate(None, 0.3)))


def test_the_first_stage_that_does_not_pass_on_decides() -> None:
    first, second, third = Says(None), Says(UNSURE), Says(Decision("c", 1.0, "late"))
    decision = Router([first, second, third]).decide("now")
    assert decision.adapter == "b"
    assert first.asked == second.asked == [("now", ())]
    assert third.asked == []


def test_candidates_come_likeliest_first_and_the_time_is_measured() -> None:
    decision = Router([Says(UNSURE)]).decide("now")
    assert [candidate.adapter for candidate in decision.candidates] == ["b", None, "a"]
    assert decision.route_ms > 0


def test_the_base_answers_when_every_stage_passes_on() -> None:
    for stages in ([], [Says(None), Says(None)]):
        decision = Router(stages).decide("now")
        assert (decision.adapter, decision.confidence, decision.stage) == (None, 1.0, "base")
        assert decision.candidates == (Candidate(None, 1.0),)
