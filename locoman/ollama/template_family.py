"""The ways of writing prompts that are known as Go templates for Ollama: one data file each, in `templates/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from locoman.contracts import Message
from locoman.documents import read_toml
from locoman.ollama import templates

Text = Annotated[str, Meta(min_length=1)]

_ASKED = (Message("user", "What is 2 + 2?"),)
_ANSWERED = (*_ASKED, Message("assistant", "4"))
_TURNS = (*_ANSWERED, Message("user", "And 3 + 3?"))
_SYSTEM = (Message("system", "Be brief."),)
CONVERSATIONS: Mapping[str, tuple[Message, ...]] = {
    "user": _ASKED,
    "system": (*_SYSTEM, *_ASKED),
    "turns": _TURNS,
    "system_turns": (*_SYSTEM, *_TURNS),
    "answered": _ANSWERED,
    "system_answered": (*_SYSTEM, *_TURNS, Message("assistant", "6")),
}
"""What templates are compared on. Behind a question the answer begins; an answer at the end is to be continued."""


class Prompts(Struct, frozen=True, forbid_unknown_fields=True):
    """The prompt of each of CONVERSATIONS, without the token that begins a text; None: the chat template refuses it."""

    user: Text
    turns: Text
    answered: Text
    system: Text | None = None
    system_turns: Text | None = None
    system_answered: Text | None = None


class TemplateFamily(Struct, frozen=True, forbid_unknown_fields=True):
    """A way of writing prompts, as a Go template for Ollama.

    Args:
        models: who writes prompts so.
        markers: what a checkpoint's chat template must hold to be compared with this one at all.
        stop: what ends an answer.
        eos: the token at the end of a text, where prompts hold it.
        differs: where the Go template does not do what the checkpoint's own does.
        prompts: what the Go template writes, and by which it is found.
    """

    format: Literal[1]
    name: str
    title: Text
    models: tuple[str, ...]
    markers: tuple[Text, ...]
    stop: tuple[Text, ...]
    template: Text
    prompts: Prompts
    eos: str = ""
    differs: tuple[Text, ...] = ()

    def prompt(self, conversation: str) -> str | None:
        """The prompt of the conversation of that name in CONVERSATIONS; None for one that the chat template refuses."""
        found: str | None = getattr(self.prompts, conversation)
        return found


@cache
def load_family(name: str) -> TemplateFamily:
    """The family called `name`, which must be in `templates.FAMILIES`."""
    return read_toml(Path(templates.__file__).with_name(f"{name}.toml"), TemplateFamily)


def template_families() -> tuple[TemplateFamily, ...]:
    """All of them."""
    return tuple(load_family(name) for name in templates.FAMILIES)
