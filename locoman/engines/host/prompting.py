"""What an adapter does to a conversation before it reaches the model."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.contracts import Message, ServedAdapter


def prompted(messages: Sequence[Message], adapter: ServedAdapter | None) -> tuple[Message, ...]:
    """The conversation as `adapter` wants it: its system message in front, the question given twice if it says so.

    A system message that the conversation has already follows the adapter's in the same message, because most chat
    templates know only one. Giving the question twice is RE2 (Xu et al. 2024, "Re-Reading Improves Reasoning in Large
    Language Models").
    """
    if adapter is None:
        return tuple(messages)
    result = list(messages)
    if adapter.repeat_question and result and result[-1].role == "user":
        question = result[-1].content
        result[-1] = Message("user", f"{question}\nRead the question again: {question}")
    if adapter.system:
        if result and result[0].role == "system":
            result[0] = Message("system", f"{adapter.system}\n\n{result[0].content}")
        else:
            result.insert(0, Message("system", adapter.system))
    return tuple(result)
