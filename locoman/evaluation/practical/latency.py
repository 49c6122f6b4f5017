"""Time to the first token and tokens per second."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.contracts import Engine, Message
from locoman.evaluation.answers import Answer
from locoman.evaluation.practical.asking import ask
from locoman.evaluation.practical.questions import OPEN
from locoman.evaluation.selection.evidence import Spread
from locoman.evaluation.selection.lengths import spread
from locoman.progress import Progress

ANSWER_TOKENS = 64
LONG_ENOUGH = 8
"""Tokens from which on an answer tells how fast they come."""


@dataclass(frozen=True, slots=True)
class Latency:
    """`load_ms`: the first answer of all, up to its first token, with whatever had to be loaded for it."""

    load_ms: float
    ttft_ms: Spread
    tokens_per_second: Spread


def measure_latency(engine: Engine, progress: Progress) -> Latency:
    """Asks one question after the other, each evaluated from its beginning. Raises EngineError."""
    first = ask(engine, (Message("user", OPEN[-1]),), 8)
    answers: list[Answer] = []
    for done, question in enumerate(OPEN, start=1):
        answers.append(ask(engine, (Message("user", question),), ANSWER_TOKENS, serial=True))
        progress(done, len(OPEN), "questions")
    spoken = [each for each in answers if each.usage.completion_tokens >= LONG_ENOUGH] or answers
    return Latency(
        first.measured.ttft_ms,
        spread([each.measured.ttft_ms for each in answers]),
        spread([each.measured.tokens_per_second for each in spoken if each.measured.tokens_per_second > 0]),
    )
