from __future__ import annotations

import pytest

from locoman.contracts import Score, Target
from locoman.errors import MissingPrerequisite, ScorerFailed
from locoman.scoring import Tools, build_scorer
from locoman.scoring.code import extracted, solution
from locoman.scoring.sandbox import Sandbox

QUESTION = '''from typing import List


def total(numbers: List[int]) -> int:
    """The sum.
    >>> total([1, 2])
    3
    """
'''
TESTS = "def check(candidate):\n    assert candidate([]) == 0\n    assert candidate([1, 2]) == 3\n\ncheck(total)\n"


def test_without_leave_no_code_is_run() -> None:
    with pytest.raises(MissingPrerequisite, match="has to be allowed") as caught:
        build_scorer("code")
    assert "--allow-code" in caught.value.remedy


@pytest.mark.parametrize(
    ("answer", "value", "note"),
    [
        ("    return sum(numbers)\n", 1.0, ""),
        ("return sum(numbers)", 1.0, ""),
        ("result = 0\n    for n in numbers:\n        result += n\n    return result", 1.0, ""),
        ("for n in numbers:\n    pass\nreturn sum(numbers)", 1.0, ""),
        ("Sure!\n```python\ndef total(numbers: List[int]) -> int:\n    return sum(numbers)\n```\nIt adds.", 1.0, ""),
        (
            "```py\ndef total(numbers):\n    return sum(numbers)\n\nif __name__ == '__main__':\n    print(total(input()))\n```",
            1.0,
            "",
        ),
        ("```\ndef total(numbers):\n    return sum(numbers)", 1.0, ""),
        ("```python\ndef total(numbers):\n    return max(numbers)\n```", 0.0, "ValueError"),
        ("    return 3\n", 0.0, "AssertionError"),
        ("    return (\n", 0.0, "SyntaxError"),
        ("import sys\n\ndef total(numbers):\n    return 0\n\nsys.exit(0)", 0.0, "before its tests"),
        ("```python\nimport os\ndef total(numbers):\n    os._exit(0)\n```", 0.0, "before its tests"),
        ("    while True: pass\n", 0.0, "longer than 1 s"),
        ("", 0.0, "SyntaxError|AssertionError|TypeError"),
    ],
)
def test_a_program_passes_its_tests_or_not(sandbox: Sandbox, answer: str, value: float, note: str) -> None:
    scorer = build_scorer("code", {"seconds": 1 if "while True" in answer else 20}, Tools(sandbox=sandbox))
    score: Score = scorer.score(answer, Target(question=QUESTION, tests=TESTS))
    assert score.value == value, score
    if note:
        assert any(part in score.note for part in note.split("|")), score.note


def test_tests_may_be_plain_assertions_under_a_question_in_words(sandbox: Sandbox) -> None:
    target = Target(question="Write a function add(a, b).", tests="assert add(2, 3) == 5\nassert add(-1, 1) == 0")
    scorer = build_scorer("code", tools=Tools(sandbox=sandbox))
    assert scorer.score("```python\ndef add(a, b):\n    return a + b\n```", target).value == 1.0


def test_a_case_without_tests_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(ScorerFailed, match="no tests"):
        build_scorer("code", tools=Tools(sandbox=sandbox)).score("pass", Target(question="Write something"))


def test_code_is_taken_from_the_block_that_defines_something() -> None:
    assert extracted("```\n>>> f(1)\n```\nso\n```python\ndef f(x):\n    return x\n```") == "def f(x):\n    return x\n"
    assert extracted("  - like this:\n    ```python\n    x = 1\n    ```\n") == "x = 1\n"
    assert extracted("def f(): pass") == "def f(): pass"


def test_the_question_comes_before_the_answer_only_where_it_is_code() -> None:
    assert solution("x = 1", "What is def f(x)?") == "x = 1"
    assert solution("    return 1", "def f():\n") == "def f():\n    return 1"
    assert solution("x = 1", "def f():\n", "never") == "x = 1"
    assert solution("y = x", "x = 1\n", "always").split() == ["x", "=", "1", "y", "=", "x"]
