"""Finds the Go template that writes the prompts of a checkpoint's chat template: by comparing prompts, never by a name."""

from __future__ import annotations

from locoman.errors import NoOllamaTemplate
from locoman.ollama.render_jinja import Rendered, render_jinja
from locoman.ollama.template_family import CONVERSATIONS, TemplateFamily, template_families

MAX_TEMPLATE_CHARACTERS = 256 << 10
_EOS = "<eos of this model>"
_BEGINNINGS = ("<s>", "<bos>", "<|begin_of_text|>")
"""Tokens that begin a text, where a chat template has them written out: Ollama's tokenizer puts them there itself."""


def choose_template(chat_template: str, *, what: str, eos: str = "") -> TemplateFamily:
    """The family whose prompts are, letter for letter, those of `chat_template` (jinja).

    The prompts of several conversations are compared: with a system message and without, one turn and several, an answer
    to be begun and one to be continued. `what` names the model in errors; `eos` is its token at the end of a text, ""
    when that is not known. The template is rendered in a process of its own, with limits of time and memory.
    Raises NoOllamaTemplate.
    """
    if not chat_template.strip():
        raise NoOllamaTemplate(what, "it has no chat template, so it is no instruct model")
    if len(chat_template) > MAX_TEMPLATE_CHARACTERS:
        raise NoOllamaTemplate(what, f"its chat template is larger than {MAX_TEMPLATE_CHARACTERS >> 10} KiB")
    similar = [family for family in template_families() if all(mark in chat_template for mark in family.markers)]
    if not similar:
        raise NoOllamaTemplate(what, "its chat template looks like none of the known ones")
    rendered = _render(chat_template, what)
    for family in similar:
        if _difference(family, rendered, eos) is None:
            return family
    found = _difference(similar[0], rendered, eos)
    raise NoOllamaTemplate(what, f"its chat template is like {similar[0].name}, but {found}")


def _difference(family: TemplateFamily, rendered: dict[str, Rendered], eos: str) -> str | None:
    """The first difference in words; None for a family that writes the same prompts."""
    if eos and family.eos and eos != family.eos:
        return f"its texts end with {eos[:40]!r}"
    for name, messages in CONVERSATIONS.items():
        last = messages[-1]
        text = rendered[name].begun if last.role == "user" else rendered[name].whole
        if text is not None:
            text = text.replace(_EOS, family.eos)
            text = next((text.removeprefix(b) for b in _BEGINNINGS if text.startswith(b)), text)
            if last.role == "assistant":  # to be continued: nothing behind the answer, as continue_final_message has it
                text = text[: text.rindex(last.content) + len(last.content)] if last.content in text else text
        expected = family.prompt(name)
        if text != expected:
            verb = "refuses" if text is None else "takes" if expected is None else "writes otherwise"
            return f"it {verb} the conversation {_shape(name)}"
    return None


def _shape(name: str) -> str:
    return "(" + ", ".join(message.role for message in CONVERSATIONS[name]) + ")"


def _render(chat_template: str, what: str) -> dict[str, Rendered]:
    answer = render_jinja(chat_template, list(CONVERSATIONS.values()), _EOS)
    if answer is None:
        raise NoOllamaTemplate(what, "its chat template is broken, or takes too much time or memory")
    return dict(zip(CONVERSATIONS, answer, strict=True))
