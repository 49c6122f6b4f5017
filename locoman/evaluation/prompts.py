"""A case of a suite as a conversation, or as the text that a choice continues."""

from __future__ import annotations

from locoman.catalog.manifest import EvaluationCase
from locoman.contracts import Message
from locoman.evaluation.suite import CHOICES, QUESTION, Prompt

_AGAIN = "{question}\nRead the question again: {question}"
"""RE2 (Xu et al. 2024, "Re-Reading Improves Reasoning in Large Language Models"), as adapters do it."""


def messages(prompt: Prompt, case: EvaluationCase) -> tuple[Message, ...]:
    """What is sent to an engine for `case`."""
    system = (Message("system", prompt.system),) if prompt.system else ()
    question = _asked(prompt, case.question, case.choices)
    if prompt.examples_as == "text":
        return (*system, Message("user", _shown(prompt) + question))
    turns = tuple(
        turn
        for asked, answer in prompt.examples
        for turn in (Message("user", _asked(prompt, asked, ())), Message("assistant", answer))
    )
    return (*system, *turns, Message("user", question))


def context(prompt: Prompt, case: EvaluationCase) -> str:
    """The text before the choices of `case`, no chat template around it; a choice follows after `prompt.delimiter`.

    As lm-evaluation-harness has it, the system text stands directly before the rest.
    """
    return prompt.system + _shown(prompt) + _asked(prompt, case.question, case.choices)


def _shown(prompt: Prompt) -> str:
    """The examples as text, up to where the question begins."""
    pairs = ((_asked(prompt, asked, ()), answer) for asked, answer in prompt.examples)
    return "".join(f"{asked}{prompt.delimiter}{answer}{prompt.separator}" for asked, answer in pairs)


def _asked(prompt: Prompt, question: str, choices: tuple[str, ...]) -> str:
    twice = _AGAIN.replace(QUESTION, question) if prompt.repeat_question else question
    before, _, after = prompt.template.partition(QUESTION)
    listed = "\n".join(f"{chr(ord('A') + i)}. {choice}" for i, choice in enumerate(choices))
    return f"{before.replace(CHOICES, listed)}{twice}{after.replace(QUESTION, question).replace(CHOICES, listed)}"
