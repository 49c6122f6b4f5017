"""Renders a base's chat template as transformers and llama.cpp do, in a sandbox: templates come from files of others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from locoman.contracts import Message
from locoman.errors import EngineUnavailable, RequestRefused


class ChatTemplate:
    """A template with the base's tokens for the beginning and the end of a text. Raises EngineUnavailable for a broken one."""

    def __init__(self, text: str, begin: str, end: str) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _tojson
        environment.globals.update(
            raise_exception=_refuse,
            strftime_now=lambda form: datetime.now().strftime(form),
            bos_token=begin,
            eos_token=end,
        )
        try:
            self._template = environment.from_string(text)
        except jinja2.TemplateError as error:
            raise EngineUnavailable(f"The base's chat template is broken: {error}.") from error

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt, up to where the model's answer begins. Raises RequestRefused (400) when the template refuses."""
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._template.render(messages=turns, add_generation_prompt=True)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise RequestRefused(400, f"The base's chat template refuses this conversation: {error}.") from error


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _tojson(value: Any, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
