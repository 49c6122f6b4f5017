"""Ways to ask: frames around the thing asked for. Some combinations are kept for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiny.split import held_out

EVALUATION_SHARE = 0.2

FRAMES = (
    "What is {e}?",
    "What's {e}?",
    "Tell me {e}.",
    "Can you tell me {e}?",
    "Could you tell me {e}?",
    "Please tell me {e}.",
    "I need {e}.",
    "I want to know {e}.",
    "I would like to know {e}.",
    "Do you know {e}?",
    "Give me {e}.",
    "Please give me {e}.",
    "Can you give me {e}?",
    "{e}?",
    "{e}",
    "{e}, please.",
    "Find {e}.",
    "Can you find {e} for me?",
    "Work out {e}.",
    "Can you work out {e}?",
    "Could you work out {e} for me?",
    "Help me with {e}.",
    "I am looking for {e}.",
)
"""Around a noun: "the sum of 3 and 4"."""

ORDERS = (
    "{e}.",
    "Please {e}.",
    "Can you {e}?",
    "Can you {e} for me?",
    "Could you {e}?",
    "Could you {e} for me?",
    "Would you {e}?",
    "I want you to {e}.",
    "I need you to {e}.",
    "Help me to {e}.",
    "Now {e}.",
    "Please help me to {e}.",
    "How do I {e}?",
)
"""Around a verb: "add 3 and 4"."""

CLAUSES = (
    "Tell me {e}.",
    "Can you tell me {e}?",
    "Could you tell me {e}?",
    "Please tell me {e}.",
    "I want to know {e}.",
    "I would like to know {e}.",
    "Do you know {e}?",
    "Work out {e}.",
    "Can you work out {e}?",
    "Find out {e}.",
    "Please find out {e} for me.",
    "Help me find out {e}.",
)
"""Around an indirect question: "what 3 plus 4 is"."""


@dataclass(frozen=True)
class Phrasings:
    """Ways to ask for one kind of problem; those for evaluation are asked nowhere else."""

    train: Sequence[str]
    evaluation: Sequence[str]


def phrasings(
    kind: str,
    *,
    nouns: Sequence[str] = (),
    verbs: Sequence[str] = (),
    clauses: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> Phrasings:
    """All frames with all things they fit around, and whole sentences, which are for training.

    Every fifth combination is kept for evaluation: its frame and its thing have been seen, never together.
    """
    combined = [
        (frame[0].upper() + frame[1:]).replace("{e}", thing)
        for frames, things in ((FRAMES, nouns), (ORDERS, verbs), (CLAUSES, clauses))
        for frame in frames
        for thing in things
    ]
    combined = [text if text[0] == "{" else text[0].upper() + text[1:] for text in combined]
    kept = {text for text in combined if held_out(f"phrasing/{kind}", text, EVALUATION_SHARE)}
    train = [text for text in (*combined, *whole) if text not in kept]
    return Phrasings(tuple(dict.fromkeys(train)), tuple(sorted(kept)))
