from __future__ import annotations

import pytest

from locoman.contracts import Target
from locoman.scoring import find_scorer


@pytest.mark.parametrize(
    ("scorer", "answer", "expected", "score"),
    [
        ("exact", " 42. ", ["42"], 1.0),
        ("exact", "Forty  Two", ["forty two"], 1.0),
        ("exact", "42 apples", ["42"], 0.0),
        ("exact", "b", ["a", "b"], 1.0),
        ("exact", "", ["42"], 0.0),
        ("exact", "4.2", ["42"], 0.0),
        ("numeric", "So 3 + 4 = 7.", ["7"], 1.0),
        ("numeric", "It costs 1,250 euros", ["1250"], 1.0),
        ("numeric", "-3", ["3"], 0.0),
        ("numeric", "0.50", ["1/2", "0.5"], 1.0),
        ("numeric", "none", ["7"], 0.0),
        ("numeric", "3.14159265", ["3.14159264"], 1.0),
        ("contains", "The answer is a Noun.", ["noun"], 1.0),
        ("contains", "pronoun", ["noun"], 0.0),
        ("contains", "x = (1+2)", ["(1+2)"], 1.0),
    ],
)
def test_an_answer_gets_its_score(scorer: str, answer: str, expected: list[str], score: float) -> None:
    assert find_scorer(scorer).score(answer, Target(tuple(expected))).value == score
