"""What `locoman route` prints of decisions that are rare."""

from __future__ import annotations

from locoman.cli.route_pages import describe_why, why_lines
from locoman.contracts import Candidate, Decision
from locoman.routing.explain import Comparison, Explanation, Neighbour, Part, WordWeight


def compared(scope: float, somebody: float) -> Comparison:
    nearest, words = (Neighbour("Spell dog", "words", 0.5),), (WordWeight("spell", 0.3),)
    return Comparison("encoder", scope, -1.0, somebody, "words", nearest, words)


def test_what_led_to_a_question_for_the_arbiter_is_marked_as_what_was_before() -> None:
    decision = Decision("words", 0.6, "arbiter", (Candidate("words", 0.6), Candidate(None, 0.4)))
    lines = why_lines(Explanation(decision, compared=compared(0.0, 0.7)))
    assert lines[0] == "words  60% (arbiter)"
    assert lines.index("before that, by the examples (encoder):") < lines.index(
        "in scope  0.00, threshold -1.00: some adapter's question"
    )
    assert lines[-1] == "words     for words: spell +0.30"


def test_what_could_not_be_read_is_not_said_to_be_some_adapters() -> None:
    lines = why_lines(Explanation(Decision(None, 0.6, "encoder"), compared=compared(0.0, 0.4)))
    assert "nobody's question, since most of it is in another script" in lines[1]
    assert not any("before that" in line for line in lines)


def test_a_keyword_alone_is_told_with_the_requests_that_it_holds() -> None:
    why = Explanation(Decision("words", 1.0, "keywords"), keyword="spell", parts=(Part("add 3 and 4", "sums", 0.9),))
    assert why_lines(why)[1:] == ['keyword   "spell" means words', "two requests in one:", "  sums  90%  add 3 and 4"]
    document = describe_why(why)
    assert (document["compared_by"], document["scope"], document["nearest"]) == (None, None, [])
