"""Renders a stranger's chat template in a process of its own, which may be ended, and may not take much memory.

Run as a script, so it imports nothing of locoman. Standard input: {"template", "eos", "conversations": [[message]]};
standard output: a list with, for each conversation, its prompt with and without the beginning of an answer, or null where
the template refuses it. As transformers does it (utils/chat_template_utils.py), but with a fixed day.
"""

from __future__ import annotations

import contextlib
import json
import sys
from datetime import datetime
from typing import Any, NoReturn

DAY = datetime(2030, 1, 2)
MAX_MEMORY = 1 << 30


def main() -> None:
    """Answers one question."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, not everywhere allowed
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    question = json.load(sys.stdin)
    json.dump(_answers(question["template"], question["eos"], question["conversations"]), sys.stdout)


def _answers(text: str, eos: str, conversations: list[list[dict[str, str]]]) -> list[list[str | None]]:
    import jinja2
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> NoReturn:
        raise jinja2.TemplateError(message)

    def tojson(value: Any, indent: int | None = None, **_: object) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals.update(
        raise_exception=refuse, strftime_now=DAY.strftime, bos_token="", eos_token=eos, tools=None, documents=None
    )
    template = environment.from_string(text)

    def render(messages: list[dict[str, str]], begin: bool) -> str | None:
        try:
            return str(template.render(messages=messages, add_generation_prompt=begin))[:100_000]
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError):
            return None

    return [[render(messages, True), render(messages, False)] for messages in conversations]


if __name__ == "__main__":
    main()
