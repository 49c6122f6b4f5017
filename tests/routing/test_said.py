from __future__ import annotations

import pytest

from locoman.routing.stages.said import SaidStage, digest


@pytest.mark.parametrize("question", ["what is 1 + 1", "What  is 1 + 1", "ＷＨＡＴ is 1 + 1"])
def test_what_the_user_decided_is_decided_however_it_is_spelled(question: str) -> None:
    decision = SaidStage({digest("WHAT is 1 + 1"): "sums", digest("hello"): None}).decide(question, ())
    assert decision is not None
    assert (decision.adapter, decision.confidence, decision.stage) == ("sums", 1.0, "feedback")


def test_every_other_question_is_passed_on() -> None:
    stage = SaidStage({digest("hello"): None})
    assert stage.decide("what is 1 + 2", ()) is None
    decision = stage.decide("Hello", ())
    assert decision is not None
    assert decision.adapter is None
