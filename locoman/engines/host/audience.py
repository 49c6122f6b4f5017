"""Whoever watches a host run in the foreground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Access:
    """A request that was answered, without anything of what was asked or said; `path` is made fit to be shown."""

    client: str
    method: str
    path: str
    status: int
    milliseconds: float
    bytes: int


class Audience(Protocol):
    """Is told what happens; must return at once."""

    def ready(self, url: str) -> None:
        """The host answers now."""
        ...

    def accessed(self, access: Access) -> None:
        """A request came to its end."""
        ...


class Nobody:
    """The audience of a host in the background."""

    def ready(self, url: str) -> None:
        """Says nothing."""

    def accessed(self, access: Access) -> None:
        """Says nothing."""
