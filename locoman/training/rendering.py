"""From questions and answers to token sequences, through the chat template with which the base is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from locoman.contracts import Message
from locoman.errors import Unsupported
from locoman.training.batches import IGNORED, Sample


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation up to the question, exactly as it will be sent when the adapter is used, and the right answer."""

    messages: tuple[Message, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The jinja text with which the base is asked; `path` is only named in errors."""

    text: str
    path: Path


class Renderer:
    """Writes examples as the base's tokens; `tokenizer` is a transformers tokenizer.

    Without a template the tokenizer's own is taken. What is asked must be what was learnt, so a template is refused
    (Unsupported, with its file) that drops a message, or writes the prompt differently once an answer follows.
    """

    def __init__(self, tokenizer: Any, template: ChatTemplate | None = None) -> None:
        self._tokenizer = tokenizer
        self._text = template.text if template else None
        self._path = template.path if template else Path(str(tokenizer.name_or_path))

    def sample(self, example: Example) -> Sample:
        """The example's tokens; only the answer and the mark that ends it are learnt. Raises Unsupported."""
        turns = [{"role": message.role, "content": message.content} for message in example.messages]
        prompt = self._write(turns, asking=True)
        whole = self._write([*turns, {"role": "assistant", "content": example.answer}], asking=False)
        for message in example.messages:
            if message.content.strip() not in prompt:
                what = "question" if message.role == "user" else f"{message.role} message"
                raise Unsupported(
                    self._path,
                    f"the chat template drops the {what}: {message.content.strip()[:60]!r} is not in its prompt",
                )
        if not whole.startswith(prompt):
            raise Unsupported(self._path, "the chat template changes the prompt once an answer follows")
        shown = self._opened(self._tokens(prompt))
        learnt = self._tokens(self._ended(whole[len(prompt) :].rstrip("\n"), example.answer))
        return Sample((*shown, *learnt), (*[IGNORED] * len(shown), *learnt))

    def _write(self, turns: list[dict[str, str]], *, asking: bool) -> str:
        from jinja2 import TemplateError

        try:
            written: str = self._tokenizer.apply_chat_template(
                turns, chat_template=self._text, add_generation_prompt=asking, tokenize=False
            )
        except TemplateError as error:
            raise Unsupported(self._path, f"the chat template refuses a conversation: {error}") from error
        except ValueError as error:
            raise Unsupported(self._path, "there is no chat template, so this is no instruct model") from error
        return written

    def _ended(self, tail: str, answer: str) -> str:
        """What comes after the prompt, with a mark that ends it; without one the model would never stop."""
        if answer.strip() not in tail:
            raise Unsupported(self._path, f"the chat template drops the answer {answer.strip()[:60]!r}")
        return tail if tail.strip() != answer.strip() else tail + (self._tokenizer.eos_token or "")

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _opened(self, ids: list[int]) -> list[int]:
        """With the base's first token, where the tokenizer asks for one: llama.cpp puts it there once."""
        return ids if not self._first or ids[:1] == self._first else [*self._first, *ids]

    @cached_property
    def _first(self) -> list[int]:
        bos = self._tokenizer.bos_token_id
        return [bos] if bos is not None and self._tokenizer.encode("a")[:1] == [bos] else []


def render_all(renderer: Renderer, examples: Iterable[Example], max_length: int) -> tuple[list[Sample], int]:
    """All examples of at most `max_length` tokens, and how many were longer and left out (cut, they would teach no end)."""
    samples = [renderer.sample(example) for example in examples]
    fitting = [sample for sample in samples if len(sample.ids) <= max_length]
    return fitting, len(samples) - len(fitting)
