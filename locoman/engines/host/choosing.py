"""The host's side of `choose`: llama.cpp writes each option under a grammar that allows nothing else.

The probabilities that it tells are those before the grammar. All options are asked in one seat, one after the other, so that
the conversation is evaluated once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from locoman.contracts import Request, Sampling
from locoman.engines.choosing import grammar
from locoman.errors import EngineLost

Ask = Callable[[dict[str, Any]], AsyncGenerator[dict[str, Any]]]
"""Sends a request to llama.cpp and yields the events of its answer."""


def with_room(request: Request, options: Sequence[str]) -> Request:
    """The request for a seat that has room for each of the options."""
    return replace(request, sampling=Sampling(max_tokens=max(_room(option) for option in options)))


async def written(ask: Ask, body: dict[str, Any], options: Sequence[str]) -> list[list[object]]:
    """The tokens of each option as OpenAI's `logprobs.content` tells them; `body` is the seat's.

    Raises what `ask` raises, EngineLost.
    """
    answers = []
    for number, option in enumerate(options):
        forced = {
            **body,
            "grammar": grammar(option),
            "max_tokens": _room(option),
            "temperature": 0,
            "stop": [],
            "logprobs": True,
            "top_logprobs": 1,
        }
        if number:
            forced["cache_prompt"] = True  # what the slot holds is ours by now
        tokens: list[object] = []
        async with aclosing(ask(forced)) as events:
            async for event in events:
                tokens += _tokens(event)
        answers.append(tokens)
    return answers


def _room(option: str) -> int:
    """Tokens that an option has at most, its end among them."""
    return len(option.encode()) + 1


def _tokens(event: dict[str, Any]) -> list[object]:
    try:
        choices = event.get("choices") or ()
        return [token for choice in choices for token in (choice.get("logprobs") or {}).get("content") or ()]
    except (TypeError, AttributeError) as error:
        raise EngineLost("The engine sent something that is not an answer.") from error
