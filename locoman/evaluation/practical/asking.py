"""How the practical tests ask: the plain base, always in the same way."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.contracts import Engine, Message, Request, Sampling
from locoman.evaluation.answers import Answer, collect
from locoman.names import BASE

SEED = 0


def ask(engine: Engine, messages: Sequence[Message], max_tokens: int, *, serial: bool = False) -> Answer:
    """The base's answer at temperature 0. Raises EngineError."""
    sampling = Sampling(max_tokens=max_tokens, temperature=0.0, seed=SEED)
    return collect(engine, Request(tuple(messages), BASE, sampling, serial))
