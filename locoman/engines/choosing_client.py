"""Three ways to have an OpenAI server choose between options; each says None where the server does not know it.

`ask_host`: our own host's endpoint, exact. `ask_forced`: one answer per option that the server is made to give word for
word (llama.cpp's `grammar`, vLLM's `structured_outputs`), with its tokens' probabilities before any constraint; exact too,
and what comes back is checked against the option. `ask_seen`: where a server cannot be made to, what its `top_logprobs`
show along the answer that it gives on its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import msgspec

from locoman.engines.choosing import Spelling, grammar, normalised, shares, spelled, token_of
from locoman.engines.faults import error_of
from locoman.errors import EngineLost

CHOOSE_PATH = "/locoman/v1/choose"
_CHAT_PATH = "/v1/chat/completions"
_TOP = 20
"""The most alternatives for a token that servers of this dialect tell."""
_MOST_TOKENS = 64
Body = dict[str, Any]
Way = Callable[[httpx.Client, Body, Sequence[str]], Sequence[float] | None]


class Chosen(msgspec.Struct):
    """The answer of our host's endpoint."""

    probabilities: list[float]


def ask_host(client: httpx.Client, body: Body, options: Sequence[str]) -> Sequence[float] | None:
    """None for a server that is not ours. Raises what `error_of` builds, EngineLost."""
    response = client.post(CHOOSE_PATH, json={**body, "options": list(options)})
    document = _document(response)
    if response.status_code != 200:
        error = document.get("error")
        ours = isinstance(error, dict) and "locoman" in error
        if response.status_code in (404, 405) and not ours:
            return None
        raise error_of(response.status_code, document, body["model"])
    try:
        chosen = msgspec.convert(document, Chosen).probabilities
    except msgspec.ValidationError as error:
        raise EngineLost("The engine sent something that is not a choice.") from error
    if len(chosen) != len(options):
        raise EngineLost("The engine sent something that is not a choice.")
    return tuple(chosen)


def ask_forced(client: httpx.Client, body: Body, options: Sequence[str]) -> Sequence[float] | None:
    """None for a server that cannot be forced, or does not tell probabilities. Raises what `error_of` builds."""
    spellings: list[Spelling] = []
    for option in options:
        asked = {
            **body,
            "grammar": grammar(option),
            "structured_outputs": {"choice": [option]},
            "max_tokens": len(option.encode()) + 1,
            "temperature": 0,
            "logprobs": True,
        }
        response = client.post(_CHAT_PATH, json=asked)
        if response.status_code != 200:
            return (
                None  # perhaps it refuses fields that it does not know; if it is the request, the next way will hear so
            )
        tokens = _tokens(_document(response))
        if tokens is None:
            return None
        try:
            spellings.append(spelled(option, tokens))
        except EngineLost:
            return None
    return shares(spellings)


def ask_seen(client: httpx.Client, body: Body, options: Sequence[str]) -> Sequence[float] | None:
    """None for a server that does not tell probabilities. Raises what `error_of` builds, EngineLost.

    The server is asked once. At each token of its own answer the alternatives show with what probability the answer
    would have gone on with an option; options that leave it with the same token, and so are not told apart, share alike.
    """
    longest = max(len(option) for option in options)
    asked = {
        **body,
        "max_tokens": min(longest, _MOST_TOKENS),
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": _TOP,
    }
    response = client.post(_CHAT_PATH, json=asked)
    document = _document(response)
    if response.status_code != 200:
        raise error_of(response.status_code, document, body["model"])
    tokens = _tokens(document)
    return None if tokens is None else normalised(_weights(tokens, [option.encode() for option in options]))


def _weights(tokens: Sequence[object], options: Sequence[bytes]) -> list[float]:
    """What each option gets, token by token along the server's own answer."""
    weights = [0.0] * len(options)

    def give(meant: Sequence[int], log_probability: float) -> None:
        for i in meant:
            weights[i] += math.exp(log_probability) / len(meant)

    begun, so_far = b"", 0.0
    for token in tokens:
        taken, log_taken = token_of(token)
        for piece, log_piece in dict(token_of(other) for other in _alternatives(token)).items():
            if piece != taken:
                give(_meant(begun + piece, options) if piece else _ended(begun, options), so_far + log_piece)
        begun, so_far = begun + taken, so_far + log_taken
        if not taken or not any(option.startswith(begun) and option != begun for option in options):
            break
    give(_ended(begun, options) or _meant(begun, options), so_far)
    return weights


def _meant(text: bytes, options: Sequence[bytes]) -> list[int]:
    """The options that an answer may turn out to be that begins with `text`."""
    return [i for i, option in enumerate(options) if option.startswith(text)] or _ended(text, options)


def _ended(text: bytes, options: Sequence[bytes]) -> list[int]:
    """The longest option that stands at the beginning of `text` as words of their own."""
    found = [i for i, option in enumerate(options) if text.startswith(option) and not text[len(option) :][:1].isalnum()]
    return [max(found, key=lambda i: len(options[i]))] if found else []


def _alternatives(token: object) -> Sequence[object]:
    others = token.get("top_logprobs") if isinstance(token, dict) else None
    return others if isinstance(others, list) else ()


def _tokens(document: Body) -> Sequence[object] | None:
    """The entries of `logprobs` of the first choice; None where there are none."""
    try:
        tokens = document["choices"][0]["logprobs"]["content"]
    except (LookupError, TypeError):
        return None
    return tokens if isinstance(tokens, list) and tokens else None


def _document(response: httpx.Response) -> Body:
    """The JSON object in the body; {} for anything else."""
    try:
        document = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
