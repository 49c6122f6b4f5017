"""A question becomes a request; an answer's chunks become an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from locoman.contracts import Chunk, Message, Request, Sampling, Served, Timing, Usage
from locoman.errors import EngineLost, UsageError
from locoman.names import ModelName

MAX_QUESTION_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer and who gave it."""

    text: str
    served: Served
    timing: Timing
    usage: Usage
    finish: str


def build_request(
    question: str, model: ModelName, history: Sequence[Message] = (), sampling: Sampling | None = None
) -> Request:
    """The request for one question. Raises UsageError when there is no question in it, or far too much."""
    if not question.strip():
        raise UsageError("The question is empty.", 'locoman ask "What is 17 + 25?"')
    if len(question.encode("utf-8", "surrogatepass")) > MAX_QUESTION_BYTES:
        raise UsageError(f"The question is longer than {MAX_QUESTION_BYTES >> 20} MiB.", "ask something shorter")
    return Request((*history, Message("user", question.strip())), model, sampling or Sampling())


def whole_answer(chunks: Iterable[Chunk]) -> Answer:
    """Joins a stream. Raises EngineError when it breaks off."""
    text: list[str] = []
    served, last = None, None
    for chunk in chunks:
        text.append(chunk.text)
        served = chunk.served or served
        last = chunk if chunk.finish else last
    if served is None or last is None:
        raise EngineLost("The engine stopped before the answer was complete.")
    return Answer("".join(text).strip(), served, last.timing or Timing(), last.usage or Usage(), last.finish or "stop")
