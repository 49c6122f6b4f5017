"""What is learnt is what will be asked; skipped where the extra `train` is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from locoman.contracts import Message
from locoman.errors import Unsupported
from locoman.training.batches import IGNORED, Sample
from locoman.training.rendering import ChatTemplate, Example, Renderer, render_all

TOKENIZER = Path(__file__).resolve().parents[2] / "modelfiles" / "loco-tiny"
EXAMPLE = Example((Message("system", "Be brief."), Message("user", "Hi")), "Hello there")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return pytest.importorskip("transformers").AutoTokenizer.from_pretrained(TOKENIZER)


def template(text: str) -> ChatTemplate:
    return ChatTemplate(text, Path("chat.jinja"))


def learnt(tokenizer: Any, sample: Sample) -> str:
    return str(tokenizer.decode([t for t, label in zip(sample.ids, sample.labels, strict=True) if label != IGNORED]))


def test_only_the_answer_and_its_end_are_learnt(tokenizer: Any) -> None:
    sample = Renderer(tokenizer).sample(EXAMPLE)
    assert learnt(tokenizer, sample) == "Hello there<|im_end|>"
    assert tokenizer.decode(sample.ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        "Hello there<|im_end|>"
    )


def test_the_template_of_the_base_is_taken_and_not_the_tokenizers(tokenizer: Any) -> None:
    text = "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|im_end|>{% endfor %}"
    text += "{% if add_generation_prompt %}[assistant]{% endif %}"
    sample = Renderer(tokenizer, template(text)).sample(EXAMPLE)
    assert (
        tokenizer.decode(sample.ids) == "[system]Be brief.<|im_end|>[user]Hi<|im_end|>[assistant]Hello there<|im_end|>"
    )


def test_a_template_without_an_end_gets_the_tokenizers(tokenizer: Any) -> None:
    text = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    text += "{% if add_generation_prompt %}assistant: {% endif %}"
    assert learnt(tokenizer, Renderer(tokenizer, template(text)).sample(EXAMPLE)) == "Hello there<|im_end|>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% if add_generation_prompt %}Answer: {% else %}Answer: x{% endif %}", "drops the system message"),
        (
            "{{ messages[0].content }}{{ 'Answer: ' if add_generation_prompt else 'Answer: x' }}",
            "drops the question: 'Hi'",
        ),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}{{ '>' if add_generation_prompt else '<' }}",
            "once an answer",
        ),
        ("{% for m in messages %}{{ m.content if m.role != 'assistant' }}{% endfor %}>", "drops the answer"),
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        ("{% for %}", "refuses"),
    ],
)
def test_a_template_that_would_teach_something_else_is_refused(tokenizer: Any, text: str, said: str) -> None:
    with pytest.raises(Unsupported, match=said) as caught:
        Renderer(tokenizer, template(text)).sample(EXAMPLE)
    assert caught.value.path == Path("chat.jinja")


def test_what_is_longer_than_the_recipe_allows_is_counted(tokenizer: Any) -> None:
    longer = Example((Message("user", "word " * 40),), "yes")
    kept, left_out = render_all(Renderer(tokenizer), [EXAMPLE, longer], 40)
    assert (len(kept), left_out) == (1, 1)
