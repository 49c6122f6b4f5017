"""Which Go template writes the prompts of a chat template."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from support.chat_templates import CHAT_TEMPLATES, apply_chat_template

from locoman.errors import NoOllamaTemplate
from locoman.ollama import render_jinja as rendering
from locoman.ollama.choose_template import choose_template
from locoman.ollama.template_family import CONVERSATIONS, load_family, template_families
from locoman.ollama.templates import FAMILIES

models = pytest.mark.parametrize("model", CHAT_TEMPLATES)


def test_every_family_is_told_by_a_template_here_and_has_a_name_of_its_own() -> None:
    assert {family for family, _ in CHAT_TEMPLATES.values()} == set(FAMILIES)
    assert [family.name for family in template_families()] == list(FAMILIES)


@models
def test_the_family_is_found_by_the_chat_template(model: str) -> None:
    name, template = CHAT_TEMPLATES[model]
    assert choose_template(template, what=model).name == name


@models
def test_the_prompts_in_the_data_are_those_of_the_chat_template(model: str) -> None:
    name, template = CHAT_TEMPLATES[model]
    family = load_family(name)
    for conversation, messages in CONVERSATIONS.items():
        turns = [{"role": m.role, "content": m.content} for m in messages]
        begin = messages[-1].role == "user"
        assert family.prompt(conversation) == apply_chat_template(template, turns, begin=begin, eos=family.eos), (
            conversation
        )


def test_another_way_to_write_the_same_prompts_is_found_too() -> None:
    template = (
        "{%- for m in messages -%}{%- if loop.index0 >= 0 -%}<|im_start|>{{ m.role }}\n"
        "{{ m.content ~ '<|im_end|>' }}\n{% endif -%}"
        "{%- endfor -%}{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
    )
    assert choose_template(template, what="it").name == "chatml"
    with pytest.raises(NoOllamaTemplate, match=r"like chatml, but it writes otherwise the conversation \(user\)"):
        choose_template(template.replace("assistant\n", "assistant: \n"), what="it")


def test_a_beginning_that_is_written_out_does_not_matter() -> None:
    assert choose_template("<bos>" + CHAT_TEMPLATES["Gemma 3"][1], what="it").name == "gemma3"


def test_the_token_at_the_end_must_be_the_family_s() -> None:
    mistral = CHAT_TEMPLATES["Mistral v0.3"][1]
    assert choose_template(mistral, what="it", eos="</s>").name == "mistral-v0.3"
    with pytest.raises(NoOllamaTemplate, match="texts end with '<end>'"):
        choose_template(mistral, what="it", eos="<end>")


def test_small_changes_are_seen() -> None:
    for change in (("assistant\\n", "assistant:\\n"), ("|trim", "|upper"), ("December 2023", "December 2024")):
        template = CHAT_TEMPLATES["Llama 3.2"][1].replace(*change)
        if template != CHAT_TEMPLATES["Llama 3.2"][1]:
            with pytest.raises(NoOllamaTemplate, match="like llama-3"):
                choose_template(template, what="it")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "no chat template"),
        ("{{ messages[0].content }}", "none of the known ones"),
        ("x" * 300_000, "larger than"),
        ("<|im_start|>{% for", "broken"),
        ("<|im_start|>{{ ''.__class__.__mro__ }}", "like chatml"),
        ("<|im_start|>{{ raise_exception('no') }}", "refuses"),
        ("<|im_start|>{% set x = 'a' * 10**11 %}{{ x }}", "refuses|too much"),
    ],
)
def test_others_are_refused_with_what_to_do(template: str, why: str) -> None:
    with pytest.raises(NoOllamaTemplate, match=why) as caught:
        choose_template(template, what="it")
    assert "--template FILE" in caught.value.remedy


def test_a_template_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 1.0)
    forever = "<|im_start|>" + "{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4
    began = time.monotonic()
    with pytest.raises(NoOllamaTemplate, match="too much time"):
        choose_template(forever, what="it")
    assert time.monotonic() - began < 30


def test_llama_is_told_the_day_and_no_other_family_is() -> None:
    other = datetime(2031, 12, 24)
    for name, template in CHAT_TEMPLATES.values():
        turns = [{"role": "user", "content": "What is 2 + 2?"}]
        then = apply_chat_template(template, turns, begin=True, eos="</s>", today=other)
        assert (then == load_family(name).prompts.user) == ("currentDate" not in load_family(name).template)
