"""Adding, subtracting, multiplying and dividing whole numbers."""

from __future__ import annotations

import random

from tiny.tasks.phrasing import Phrasings, phrasings
from tiny.tasks.task import Problem, Task

SIGNS = {"add": "+", "subtract": "-", "multiply": "x", "divide": "/"}
WORDS = {"add": "plus", "subtract": "minus", "multiply": "times", "divide": "divided by"}
NOUNS = {
    "add": ("the sum of {a} and {b}",),
    "subtract": ("the difference of {a} and {b}",),
    "multiply": ("the product of {a} and {b}", "{a} multiplied by {b}", "{a} * {b}"),
    "divide": ("the quotient of {a} and {b}", "{a} over {b}"),
}
VERBS = {
    "add": ("add {a} and {b}", "add {b} to {a}", "sum {a} and {b}"),
    "subtract": ("subtract {b} from {a}", "take {b} away from {a}", "take {b} from {a}"),
    "multiply": ("multiply {a} by {b}", "multiply {a} and {b}"),
    "divide": ("divide {a} by {b}", "share {a} among {b}"),
}
WHOLE = {
    "add": (
        "What do {a} and {b} make together?",
        "How much are {a} and {b} in total?",
        "What do I get when I add {a} and {b}?",
    ),
    "subtract": (
        "What is left when I take {b} from {a}?",
        "{a} take away {b}",
        "What do I get when I subtract {b} from {a}?",
    ),
    "multiply": ("What do I get when I multiply {a} by {b}?", "{a}*{b}", "{a}*{b}=", "{a} * {b} ="),
    "divide": (
        "How often does {b} go into {a}?",
        "How many times does {b} fit into {a}?",
        "What do I get when I divide {a} by {b}?",
    ),
}
FORMS = (
    "How much is {e}?",
    "What does {e} give?",
    "{e} = ?",
    "{e} =",
    "What does {e} equal?",
    "What does {e} make?",
    "{e} is what?",
    "What do I get for {e}?",
    "{e} equals what?",
)


def ways(kind: str) -> Phrasings:
    """All ways to ask for one operation."""
    signed, worded = f"{{a}} {SIGNS[kind]} {{b}}", f"{{a}} {WORDS[kind]} {{b}}"
    both = (signed, worded)
    tight = signed.replace(" ", "")
    return phrasings(
        f"arithmetic/{kind}",
        nouns=(*both, *NOUNS[kind]),
        verbs=(*VERBS[kind], *(f"{verb} {thing}" for verb in ("calculate", "compute", "solve") for thing in both)),
        clauses=tuple(
            form.format(e=thing) for form in ("what {e} is", "how much {e} is", "what {e} makes") for thing in both
        ),
        whole=(
            *(form.format(e=thing) for form in FORMS for thing in both),
            tight,
            f"{tight}=",
            f"What is {tight}?",
            *WHOLE[kind],
        ),
    )


def draw(kind: str, rng: random.Random) -> Problem:
    """Sums and differences of numbers up to 99, products up to 12 x 12, and their exact divisions.

    The beginner counts fence posts instead of gaps when adding and subtracting (off by one), adds instead of
    multiplying and subtracts instead of dividing.
    """
    if kind in ("add", "subtract"):
        a, b = (rng.randint(0, 99) if rng.random() < 0.9 else rng.randint(0, 20) for _ in range(2))
        if kind == "add":
            result, mistake, key = a + b, abs(a + b - 1), f"{min(a, b)}+{max(a, b)}"
        else:
            a, b = max(a, b), min(a, b)
            result, mistake, key = a - b, a - b + 1, f"{a}-{b}"
    else:
        a, b = rng.randint(1, 12), rng.randint(1, 12)
        key = f"{min(a, b)}x{max(a, b)}"
        if kind == "multiply":
            result, mistake = a * b, a + b
        else:
            a, result = a * b, a
            mistake = a - b if a - b != result else a - b + 1
    if mistake == result:
        mistake = result + 1
    sign, word = SIGNS[kind], WORDS[kind]
    statements = [
        (f"{a} {sign} {b} =\n", f"{result}"),
        (f"{a}{sign}{b}=", f"{result}"),
        (f"{a} {word} {b} is\n", f"{result}"),
    ]
    return Problem(
        kind=kind,
        operands=key,
        slots={"a": str(a), "b": str(b)},
        answer=str(result),
        mistake=str(mistake),
        statements=statements,
        tabled=kind in ("multiply", "divide"),
    )


ARITHMETIC = Task(
    name="arithmetic",
    draw=draw,
    weights={"add": 0.34, "subtract": 0.32, "multiply": 0.17, "divide": 0.17},
    phrasings={kind: ways(kind) for kind in WORDS},
    held_out_share={"multiply": 0.25, "divide": 0.25},
)
