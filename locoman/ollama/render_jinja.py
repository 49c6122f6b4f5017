"""Renders a stranger's chat template in a process of its own, with limits of time and memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from locoman.contracts import Message
from locoman.isolated import run_script
from locoman.ollama import jinja_child

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as the chat template writes it, with the beginning of an answer and without; None: refused."""

    begun: str | None
    whole: str | None


def render_jinja(chat_template: str, conversations: Sequence[Sequence[Message]], eos: str) -> list[Rendered] | None:
    """Every conversation; None where the template is broken, or takes too much time or memory."""
    turns = [[{"role": m.role, "content": m.content} for m in messages] for messages in conversations]
    answer = _run(json.dumps({"template": chat_template, "eos": eos, "conversations": turns}))
    return None if answer is None else [Rendered(*pair) for pair in json.loads(answer)]


@lru_cache(maxsize=16)
def _run(question: str) -> str | None:
    """What the child answers; None when it does not."""
    try:
        return run_script(Path(jinja_child.__file__), question, SECONDS)
    except (TimeoutError, ChildProcessError):
        return None
