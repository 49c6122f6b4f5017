"""PARAMETER: which there are, their types and ranges, and the values that Ollama's API takes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from locoman.documents import read_toml
from locoman.errors import UsageError
from locoman.names import nearest

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
_SWITCH = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
"""As Go's strconv.ParseBool has it."""

Value = int | float | bool | list[str]


class Parameter(Struct, frozen=True, forbid_unknown_fields=True):
    """What a parameter may be; "texts" can be given several times."""

    type: Literal["integer", "number", "switch", "texts"]
    minimum: float | None = None
    maximum: float | None = None


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    deprecated: tuple[str, ...]
    parameters: dict[str, Parameter]


@cache
def _table() -> _Table:
    return read_toml(Path(__file__).with_name("parameters.toml"), _Table)


def known_parameters() -> dict[str, Parameter]:
    """By name."""
    return _table().parameters


def is_deprecated(name: str) -> bool:
    """Whether Ollama only warns of `name` and leaves it out."""
    return name in _table().deprecated


def parameter_problem(name: str, value: str) -> str | None:
    """What is wrong with a PARAMETER, in words; None when nothing is."""
    known = known_parameters().get(name)
    if known is None:
        close = (
            name.lower() if name.lower() in known_parameters() else next(iter(nearest(name, known_parameters())), "")
        )
        if not name:
            return "two blanks behind PARAMETER: Ollama takes what follows for the value of a parameter without a name"
        return f"Ollama knows no parameter {name}" + (f"; did you mean {close}?" if close else "")
    if known.type == "texts":
        return None
    try:
        number = _value(known, value)
    except ValueError:
        kind = {"integer": "a whole number", "number": "a number", "switch": "true or false"}[known.type]
        return f"{name} must be {kind}, not {value[:40]!r}"
    for limit, beyond in ((known.minimum, "less"), (known.maximum, "more")):
        if limit is not None and (number < limit if beyond == "less" else number > limit):
            return f"{name} {value} is {beyond} than {limit:g}"
    return None


def parameter_values(parameters: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """The `parameters` of a request to /api/create: typed, texts collected, of others the last; deprecated ones left out.

    Raises UsageError for what `parameter_problem` has words for.
    """
    values: dict[str, Value] = {}
    for name, text in parameters:
        if is_deprecated(name):
            continue
        problem = parameter_problem(name, text)
        if problem:
            raise UsageError(f"The PARAMETER cannot be used: {problem}.")
        known = known_parameters()[name]
        found = values.get(name)
        values[name] = (
            [*(found if isinstance(found, list) else []), text] if known.type == "texts" else _value(known, text)
        )
    return values


def _value(known: Parameter, text: str) -> int | float | bool:
    if known.type == "switch" and text in _SWITCH:
        return _SWITCH[text]
    if known.type == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if known.type == "number" and _NUMBER.fullmatch(text):
        return float(text)
    raise ValueError(text)
