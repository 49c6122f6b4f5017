"""Options of scorers, as suites and manifests write them, checked into frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from locoman.errors import InvalidOption, UnknownName
from locoman.names import nearest

T = TypeVar("T", bound=msgspec.Struct)


def read_options(scorer: str, options: Mapping[str, Any], kind: type[T]) -> T:
    """`options` as a value of the Struct `kind`.

    Raises UnknownName with the nearest option, and InvalidOption for a value of the wrong type or out of its range.
    """
    fields = [field.encode_name for field in msgspec.structs.fields(kind)]
    for key in options:
        if key not in fields:
            raise UnknownName(f"option of the scorer {scorer}", key, nearest(key, fields))
    try:
        return msgspec.convert(dict(options), kind)
    except msgspec.ValidationError as error:
        place, detail = _place_and_detail(str(error))
        raise InvalidOption(scorer, place, detail) from error


def _place_and_detail(text: str) -> tuple[str, str]:
    """("tolerance", "expected `float`, got `str`") of msgspec's "Expected `float`, got `str` - at `$.tolerance`"."""
    detail, _, place = text.partition(" - at `$.")
    return place.rstrip("`"), detail[:1].lower() + detail[1:]
