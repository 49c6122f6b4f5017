"""The object `locoman` that our host adds to OpenAI's answers, as both sides of the wire write and read it."""

from __future__ import annotations

from typing import Any

import msgspec

from locoman.contracts import Served, Timing, Usage


class Extension(msgspec.Struct, omit_defaults=True):
    """Who answers (with the first piece of a stream), how long it took and how many tokens (with the last)."""

    served: Served | None = None
    timing: Timing | None = None
    usage: Usage | None = None

    def as_json(self) -> dict[str, Any]:
        """A JSON object without the fields that are None."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document


def read_extension(document: object) -> Extension:
    """The extension in a parsed JSON value; an empty one if it is absent or not ours."""
    try:
        return msgspec.convert(document, Extension)
    except msgspec.ValidationError:
        return Extension()
