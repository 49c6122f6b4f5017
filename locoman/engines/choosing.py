"""What every engine's `choose` rests on: which options can be told apart, and what their tokens' probabilities say.

See contracts.Engine.choose for what the numbers mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from locoman.errors import EngineLost, RequestRefused

MAX_OPTIONS = 256
MAX_OPTION_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Spelling:
    """An option as the model writes it: its tokens, each as the bytes or the number it stands for, and the natural
    logarithm of the probability of them all, one after the other."""

    tokens: tuple[bytes | int, ...]
    log_probability: float


def check_options(options: Sequence[str]) -> None:
    """Raises RequestRefused (400) for options between which no choice can be made."""
    if len(options) > MAX_OPTIONS:
        raise RequestRefused(400, f"{len(options)} options are too many: {MAX_OPTIONS} are allowed.")
    if any(not option for option in options):
        raise RequestRefused(400, "An option is empty.")
    if len(set(options)) < len(options):
        raise RequestRefused(400, "An option is given twice.")
    if any("\ud800" <= character <= "\udfff" for option in options for character in option):
        raise RequestRefused(400, "An option is no text: it holds half a character.")
    if any(len(option) > MAX_OPTION_CHARACTERS for option in options):
        raise RequestRefused(400, f"An option is longer than {MAX_OPTION_CHARACTERS} characters.")


def shares(spellings: Sequence[Spelling]) -> tuple[float, ...]:
    """The probability of each among all, from the spellings of the options in their order."""
    if not spellings:
        return ()
    best = max(spelling.log_probability for spelling in spellings)
    if best == -math.inf:
        return (0.0,) * len(spellings)
    weights = [math.exp(spelling.log_probability - best) for spelling in spellings]
    own = [
        max(0.0, weight - sum(weights[child] for child in _longer(spellings, number)))
        for number, weight in enumerate(weights)
    ]
    return normalised(own)


def normalised(weights: Sequence[float]) -> tuple[float, ...]:
    """`weights` divided by their sum; all 0 if that is 0."""
    total = math.fsum(weights)
    return tuple(weight / total if total > 0 else 0.0 for weight in weights)


def grammar(option: str) -> str:
    """A grammar (GBNF, llama.cpp's) that allows this text and no other."""
    return "root ::= " + '"' + "".join(_escaped(character) for character in option) + '"'


def spelled(option: str, tokens: Sequence[object]) -> Spelling:
    """The spelling in OpenAI's `logprobs.content` of an answer that had to be `option`.

    The token that ends the answer has no bytes and does not count. llama.cpp tells of a character that takes several tokens
    only the last one's probability. Raises EngineLost when the tokens are not the option's.
    """
    pieces: list[bytes | int] = []
    total = 0.0
    rest = option.encode()
    for token in tokens:
        piece, log_probability = token_of(token)
        if not piece:
            continue
        if not rest.startswith(piece):
            raise EngineLost("The engine did not keep to the options.")
        rest = rest[len(piece) :]
        pieces.append(piece)
        total += log_probability
    if rest:
        raise EngineLost("The engine did not keep to the options.")
    return Spelling(tuple(pieces), total)


def token_of(token: object) -> tuple[bytes, float]:
    """The bytes and the log-probability in one entry of OpenAI's `logprobs`. Raises EngineLost for what is none."""
    try:
        data, text, log_probability = token.get("bytes"), token["token"], float(token["logprob"])  # type: ignore
        return (text.encode() if data is None else bytes(data)), log_probability
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EngineLost("The engine sent something that is not an answer.") from error


def _longer(spellings: Sequence[Spelling], number: int) -> list[int]:
    """The spellings that begin with spelling `number` and with no other one in between."""
    tokens = spellings[number].tokens
    found = [i for i, s in enumerate(spellings) if i != number and _begins(s.tokens, tokens)]
    return [i for i in found if not any(j != i and _begins(spellings[i].tokens, spellings[j].tokens) for j in found)]


def _begins(tokens: tuple[bytes | int, ...], start: tuple[bytes | int, ...]) -> bool:
    return len(tokens) > len(start) and tokens[: len(start)] == start


def _escaped(character: str) -> str:
    """A character inside a GBNF string."""
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08X}"
