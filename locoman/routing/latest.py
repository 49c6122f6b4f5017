"""What was found out last: a conversation asks for the same questions again and again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Latest(Generic[Value]):
    """Keeps at most `most` values, by their keys; who came first goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """None where nothing is kept."""
        return self._values.get(key)

    def keep(self, key: str, value: Value) -> Value:
        """`value`."""
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value
