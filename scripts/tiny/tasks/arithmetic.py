"""Adding, subtracting, multiplying and dividing whole numbers."""

from __future__ import annotations

import random

from tiny.tasks.task import Phrasings, Problem, Task

WORDS = {"add": ("+", "plus"), "subtract": ("-", "minus"), "multiply": ("x", "times"), "divide": ("/", "divided by")}

COMMON = (
    "What is {a} {w} {b}?",
    "What is {a} {s} {b}?",
    "What's {a} {w} {b}?",
    "what's {a} {s} {b}",
    "{a} {s} {b}",
    "{a} {s} {b} = ?",
    "{a} {s} {b} =",
    "{a}{s}{b}",
    "{a}{s}{b}=",
    "Calculate {a} {s} {b}.",
    "Compute {a} {w} {b}.",
    "How much is {a} {w} {b}?",
    "How much is {a} {s} {b}?",
    "Can you tell me {a} {w} {b}?",
    "Can you calculate {a} {s} {b} for me?",
    "Tell me what {a} {w} {b} is.",
    "I need {a} {s} {b}.",
    "What does {a} {s} {b} give?",
    "What do I get for {a} {w} {b}?",
    "Work out {a} {s} {b}.",
    "Please work out {a} {w} {b}.",
    "{a} {w} {b}?",
    "{a} {w} {b} equals what?",
    "Solve {a} {s} {b}.",
    "Do you know {a} {w} {b}?",
)
COMMON_EVALUATION = (
    "Can you tell me what {a} {s} {b} is?",
    "What does {a} {w} {b} equal?",
    "Could you work out {a} {w} {b} for me?",
    "Give me the result of {a} {s} {b}.",
    "I want to know how much {a} {w} {b} is.",
    "Find {a} {s} {b}.",
    "How much do I get for {a} {s} {b}?",
    "Please calculate {a} {w} {b}.",
    "Do you know what {a} {s} {b} makes?",
)
OWN = {
    "add": (
        ("Add {a} and {b}.", "What is the sum of {a} and {b}?", "Sum of {a} and {b}?", "Can you add {a} and {b}?",
         "Add {b} to {a}.", "I have {a} apples and get {b} more. How many are there now?",
         "What do {a} and {b} make together?", "Please add {a} and {b} for me.", "How much are {a} and {b} in total?"),
        ("Can you add {a} and {b} for me?", "What do I get when I add {a} and {b}?", "Tell me the sum of {a} and {b}.",
         "I have {a} coins and find {b} more. How many are there now?"),
    ),
    "subtract": (
        ("Subtract {b} from {a}.", "Take {b} away from {a}.", "What is the difference of {a} and {b}?",
         "What is left when I take {b} from {a}?", "I have {a} apples and eat {b}. How many are left?",
         "Can you subtract {b} from {a}?", "Please take {b} from {a}.", "{a} take away {b}"),
        ("Can you take {b} away from {a}?", "What do I get when I subtract {b} from {a}?",
         "Tell me the difference of {a} and {b}.", "I have {a} coins and lose {b}. How many are left?"),
    ),
    "multiply": (
        ("Multiply {a} by {b}.", "What is the product of {a} and {b}?", "Can you multiply {a} by {b}?",
         "What is {a} multiplied by {b}?", "{a} * {b}", "What is {a} * {b}?", "Calculate {a} * {b}.", "{a}*{b}=",
         "Multiply {a} and {b}.", "How much is {a} multiplied by {b}?"),
        ("Can you multiply {a} and {b} for me?", "What do I get when I multiply {a} by {b}?",
         "Tell me the product of {a} and {b}.", "How much do I get for {a} * {b}?"),
    ),
    "divide": (
        ("Divide {a} by {b}.", "Can you divide {a} by {b}?", "What is {a} over {b}?", "How often does {b} go into {a}?",
         "How many times does {b} fit into {a}?", "Share {a} among {b}.", "What is the quotient of {a} and {b}?",
         "Please divide {a} by {b} for me.", "{a} divided by {b} is what?"),
        ("Can you divide {a} by {b} for me?", "What do I get when I divide {a} by {b}?",
         "Tell me the quotient of {a} and {b}.", "How many times does {b} go into {a}?"),
    ),
}  # fmt: skip


def phrasings(kind: str) -> Phrasings:
    """All ways to ask for one operation; the operation's sign and word are filled in, the numbers are left open."""
    sign, word = WORDS[kind]
    train, evaluation = OWN[kind]

    def filled(templates: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(template.replace("{s}", sign).replace("{w}", word) for template in templates)

    return Phrasings(filled(COMMON + train), filled(COMMON_EVALUATION + evaluation))


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
    sign, word = WORDS[kind]
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
    phrasings={kind: phrasings(kind) for kind in WORDS},
    held_out_share={"multiply": 0.25, "divide": 0.25},
)
