"""A conversation: its turns so far and which model holds it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from locoman.contracts import Chunk, Engine, Message, Served, Timing, Usage
from locoman.names import AUTO, ModelName
from locoman.workflows.ask import build_request
from locoman.workflows.router.last_question import Asked


@dataclass(slots=True)
class Conversation:
    """Mutable: `turns` grow with each answer; `last` describes the latest one, `asked` the question that it answers."""

    model: ModelName = AUTO
    turns: list[Message] = field(default_factory=list)
    last: tuple[Served, Timing, Usage] | None = None
    asked: Asked | None = None

    def ask(self, engine: Engine, question: str) -> Generator[Chunk]:
        """Streams the answer and remembers it. Closing the generator cancels: what was said by then is remembered.

        Raises UsageError, EngineError; the question is then forgotten.
        """
        request = build_request(question, self.model, self.turns)
        text: list[str] = []
        served: Served | None = None
        try:
            for chunk in engine.chat(request):
                text.append(chunk.text)
                served = chunk.served or served
                if chunk.finish and served:
                    self.last = (served, chunk.timing or Timing(), chunk.usage or Usage())
                yield chunk
        except GeneratorExit:
            self._remember(request.messages[-1], text)
            raise
        self._remember(request.messages[-1], text)

    def clear(self) -> None:
        """Forgets all turns."""
        self.turns.clear()

    def _remember(self, question: Message, text: list[str]) -> None:
        answer = "".join(text).strip()
        if answer:
            self.asked = Asked(question.content, tuple(self.turns), self.model.kind != "auto")
            self.turns += [question, Message("assistant", answer)]
