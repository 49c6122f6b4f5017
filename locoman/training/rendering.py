"""From questions and answers to token sequences, through the base's own chat template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from locoman.contracts import Message
from locoman.errors import UsageError
from locoman.training.batches import IGNORED, Sample


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation up to the question, exactly as it will be sent when the adapter is used, and the right answer."""

    messages: tuple[Message, ...]
    answer: str


def render(tokenizer: Any, example: Example) -> Sample:
    """The example as the base's tokens; only the answer and the mark that ends it are learnt.

    `tokenizer` is a transformers tokenizer with a chat template. Raises UsageError when the template does not put the
    answer right behind the prompt for an answer (then what is learnt would not be what is asked for later).
    """
    turns = [{"role": message.role, "content": message.content} for message in example.messages]
    prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    turns.append({"role": "assistant", "content": example.answer})
    whole = tokenizer.apply_chat_template(turns, add_generation_prompt=False, tokenize=False)
    if not whole.startswith(prompt):
        raise UsageError("The base's chat template changes the prompt once an answer follows; it cannot be trained on.")
    shown = tokenizer.encode(prompt, add_special_tokens=False)
    learnt = tokenizer.encode(whole[len(prompt) :].rstrip("\n"), add_special_tokens=False)
    return Sample((*shown, *learnt), (*[IGNORED] * len(shown), *learnt))


def render_all(tokenizer: Any, examples: Iterable[Example], max_length: int) -> tuple[list[Sample], int]:
    """All examples of at most `max_length` tokens, and how many were longer and left out (cut, they would teach no end)."""
    samples = [render(tokenizer, example) for example in examples]
    fitting = [sample for sample in samples if len(sample.ids) <= max_length]
    return fitting, len(samples) - len(fitting)
