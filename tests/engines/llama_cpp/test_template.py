from __future__ import annotations

import pytest

from locoman.contracts import Message
from locoman.engines.llama_cpp.template import ChatTemplate
from locoman.errors import EngineUnavailable, RequestRefused

QUESTION = (Message("user", "hello"),)


def test_a_template_sees_turns_special_tokens_and_that_an_answer_is_wanted() -> None:
    text = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
    text += "{% if add_generation_prompt %}[assistant]{% endif %}"
    assert ChatTemplate(text, "<s>", "</s>").render(QUESTION) == "<s>[user]hello</s>[assistant]"


def test_blocks_take_no_lines_of_their_own() -> None:
    assert ChatTemplate("{% if true %}\n  {% set x = 1 %}\nyes\n{% endif %}", "", "").render(QUESTION) == "yes\n"


def test_a_template_may_refuse_a_conversation() -> None:
    template = ChatTemplate("{{ raise_exception('only one turn') }}", "", "")
    with pytest.raises(RequestRefused, match="only one turn"):
        template.render(QUESTION)


@pytest.mark.parametrize("text", ["{{ messages.__class__.__mro__[1].__subclasses__() }}", "{{ messages[0].x.y }}"])
def test_a_template_reaches_nothing_but_the_conversation(text: str) -> None:
    with pytest.raises(RequestRefused):
        ChatTemplate(text, "", "").render(QUESTION)


def test_a_broken_template_is_told() -> None:
    with pytest.raises(EngineUnavailable, match="template is broken"):
        ChatTemplate("{% for %}", "", "")
