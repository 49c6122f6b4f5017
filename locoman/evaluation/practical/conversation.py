"""Memory over one long conversation: does it stay where it is?"""

from __future__ import annotations

from locoman.contracts import Engine, Message
from locoman.errors import ContextExceeded
from locoman.evaluation.answers import Answer
from locoman.evaluation.practical.asking import ask
from locoman.evaluation.practical.questions import TURNS
from locoman.evaluation.selection.evidence import Conversation
from locoman.evaluation.selection.lengths import slope
from locoman.progress import Progress

ANSWER_TOKENS = 48
LEAST = 5
"""Turns over which a slope is taken at least."""


def hold_conversation(engine: Engine, turns: int, progress: Progress) -> Conversation:
    """Goes on for `turns` turns; where the context is full the oldest turns are left out, as a chat would.

    Raises EngineError.
    """
    history: list[Message] = []
    memory: list[int] = []
    waits: list[float] = []
    forgotten, full = 0, 0
    for turn in range(turns):
        history.append(Message("user", TURNS[turn % len(TURNS)]))
        before = len(history)
        answer = _fitting(engine, history)
        if len(history) < before:
            forgotten += 1
            full = full or turn
        history.append(Message("assistant", answer.text.strip() or "..."))
        memory.append(resident_bytes(engine))
        waits.append(answer.measured.ttft_ms)
        progress(turn + 1, turns, "turns")
    settled = memory[_settled(len(memory), full) :]
    return Conversation(turns, tuple(memory), slope(settled), forgotten, tuple(waits))


def _settled(turns: int, full: int) -> int:
    """The turn from which memory has no reason to grow: the context was full once, and half of the turns are over."""
    return max(0, min(max(turns // 2, full + 1), turns - LEAST))


def resident_bytes(engine: Engine) -> int:
    """What the models take in memory now; 0 where the engine does not tell."""
    resident = engine.resident()
    return sum(base.bytes for base in resident.bases) if resident is not None else 0


def _fitting(engine: Engine, history: list[Message]) -> Answer:
    """The answer; `history` loses its oldest turns until it fits. Raises ContextExceeded when one question alone does not."""
    while True:
        try:
            return ask(engine, history, ANSWER_TOKENS)
        except ContextExceeded:
            if len(history) < 3:
                raise
            del history[:2]
